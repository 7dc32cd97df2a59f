// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// fewestManifests is how many blocks of the pages are manifests of ours at least.
const fewestManifests = 3

func TestTheServicesTakeEveryManifestThatThePagesShow(t *testing.T) {
	t.Parallel()
	address := serve(t)
	shown := 0
	for _, page := range pages(t) {
		for _, block := range page.blocks(t) {
			text := page.text(block.first, block.last)
			if block.language != "yaml" || !strings.HasPrefix(text, "apiVersion:") || !strings.Contains(text, ".toolkit.fluxcd.io/") {
				continue
			}
			shown++
			result := harness.Run(t, text, program(), "apply", "-f", "-", "--dry-run", "--server", address)
			if result.Code != 0 || strings.Contains(result.Err, "⚠") {
				t.Errorf("%s:%d: ends with %d:\n%s%s", page.name, block.first+1, result.Code, result.Out, result.Err)
			}
		}
	}
	if shown < fewestManifests {
		t.Fatalf("the pages show %d manifests, want %d", shown, fewestManifests)
	}
}

// serve runs the services, and returns their address.
func serve(t *testing.T) string {
	t.Helper()
	address := ports.Address(t)
	server := harness.NewProcess(t, "tidemark", program(), []string{
		"up", "--data-dir", filepath.Join(t.TempDir(), "data"),
		"--listen", address, "--http-listen", ports.Address(t), "--hook-listen", ports.Address(t),
	}, nil)
	server.Start(t)
	harness.Await(t, "the server", func(context.Context) error {
		if err := server.Gone(); err != nil || strings.Contains(server.Stderr.String(), "msg=serving") {
			return err
		}
		return errors.New("it does not serve yet")
	})
	return address
}
