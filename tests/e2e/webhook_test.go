// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

const hookToken = "an-unguessable-token"

const receiver = `apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata:
  name: registry
spec:
  type: generic
  secretRef:
    name: hook
  resources:
    - kind: ImageRepository
      name: app
`

// hookPath is Flux's formula.
func hookPath() string {
	sum := sha256.Sum256([]byte(hookToken + "registry" + "flux-system"))
	return "/hook/" + hex.EncodeToString(sum[:])
}

// call posts to the webhook and wants an answer.
func call(t *testing.T, w *harness.World, path string, want int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.HookAddress()+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != want {
		t.Fatalf("POST %s answers %d, want %d", path, response.StatusCode, want)
	}
}

func TestAWebhookBringsATagIntoGitWithNoIntervalInvolved(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w := suite.NewWorld(t, s.kind, harness.Options{})
		write(t, w.SecretsDir, "flux-system/hook/token", hookToken)
		w.Push(t, "app", "1.0.0")
		w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "0.9.0", "app")})
		w.Apply(t, w.RepositoryManifest("app", "app", "0s")+"---\n"+harness.PolicyManifest("app", "app", "1.x")+"---\n"+
			harness.SourceManifest("gitops", w.Git.RepositoryURL("gitops.git"))+"---\n"+
			harness.UpdateManifest("gitops", "gitops", "0s", "")+"---\n"+receiver)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
		w.AwaitLine(t, "Receiver initialized for path: "+hookPath(), "get", "receivers")

		w.Push(t, "app", "1.1.0")
		call(t, w, hookPath(), http.StatusOK)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
		call(t, w, hookPath()+"x", http.StatusNotFound)

		// What was answered with 200 is scanned, though the scanner dies at once.
		w.Push(t, "app", "1.2.0")
		call(t, w, hookPath(), http.StatusOK)
		scanner := w.Process(harness.Scanner)
		if err := scanner.Kill(); err != nil {
			t.Fatal(err)
		}
		scanner.Start(t)
		w.AwaitServing(t)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.2.0 ")

		if hosts := w.Do(t, "get", "registries"); !strings.Contains(hosts, w.Registry.Host()) {
			t.Errorf("get registries shows\n%s\nand not %s", hosts, w.Registry.Host())
		}
	})
}
