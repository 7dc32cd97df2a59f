// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package namespace_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/platform/namespace"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "labels.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEveryNamespaceHasItsNameAndNobodyCanTakeThat(t *testing.T) {
	labels, err := namespace.Read(write(t, "team-a:\n  tier: prod\n  kubernetes.io/metadata.name: flux-system\n"))
	if err != nil {
		t.Fatal(err)
	}
	labels.Replace(map[string]map[string]string{"team-a": {"tier": "test"}, "team-b": {"x": "y"}})
	for ns, want := range map[string]map[string]string{
		"team-a":  {"tier": "test", namespace.NameLabel: "team-a"},
		"team-b":  {"x": "y", namespace.NameLabel: "team-b"},
		"unknown": {namespace.NameLabel: "unknown"},
	} {
		if got := labels.Of(ns); !maps.Equal(got, want) {
			t.Errorf("%s has %v, want %v", ns, got, want)
		}
	}
}

func TestAFileThatIsNotLabelsIsRefusedWithItsLine(t *testing.T) {
	path := write(t, "team-a:\n  tier: prod\nteam-b: [x]\n")
	_, err := namespace.Read(path)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line 3") {
		t.Fatalf("got %v, want an error that names %s and line 3", err, path)
	}
}

func TestAnEmptyFileAndNoFileAreFine(t *testing.T) {
	for _, path := range []string{"", write(t, "")} {
		if _, err := namespace.Read(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}
