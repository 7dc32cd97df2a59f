// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/once"
)

func TestOnceReadsManifestsFromARepository(t *testing.T) {
	w := newWorld(t)
	text, err := os.ReadFile(w.manifests("", "app", "cache"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.git.CreateRepository("fleet", "main", map[string]string{"prod/all.yaml": string(text), "dev/broken.yaml": "kind: [\n"}); err != nil {
		t.Fatal(err)
	}
	url := w.git.RepositoryURL("fleet")
	for _, data := range []string{"", filepath.Join(w.dir, "data")} {
		dry := w.run(once.Options{Manifests: []string{url + "?path=prod"}, DataDir: data, DryRun: true})
		if dry.err != nil {
			t.Fatalf("%v\n%s", dry.err, dry.progress)
		}
		wants(t, dry.progress, "► fetching the manifests\n", "► applying 6 manifests\n", "✔ would commit 2 values in 1 file")
	}
	if broken := w.run(once.Options{Manifests: []string{url + "?ref=main"}}); broken.err == nil || !strings.Contains(broken.progress, "dev/broken.yaml:1:") {
		t.Errorf("a mistake: %v\n%s", broken.err, broken.progress)
	}
	if gone := w.run(once.Options{Manifests: []string{url + "?ref=nope"}}); gone.err == nil || !strings.Contains(gone.err.Error(), "correct ?ref=") {
		t.Errorf("a ref that is not there: %v", gone.err)
	}
	if w.commits() != 1 {
		t.Errorf("%d commits", w.commits())
	}
}
