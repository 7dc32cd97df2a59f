// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// The passwords of the private registry and Git server.
const (
	registryPassword = "correct-horse-registry"
	gitPassword      = "correct-horse-git"
)

func private() harness.Options {
	return harness.Options{
		Registry: registry.Config{Username: "robot", Password: registryPassword},
		Git:      gitserver.Config{Username: "bot", Password: gitPassword},
		Args:     []string{"--log-level", "debug"},
	}
}

func TestSecretsOpenWhatIsPrivateAndAreNeverShown(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w := suite.NewWorld(t, s.kind, private())
		dockerConfig(t, w, "regcred", w.Registry.Host(), "robot", registryPassword)
		write(t, w.SecretsDir, "flux-system/gitcred/username", "bot")
		write(t, w.SecretsDir, "flux-system/gitcred/password", gitPassword+"\n")
		privateParts(t, w)
		w.Apply(t, privateManifests(w))
		seePrivate(t, w)

		// A password that is changed is told of, and read again when it is right.
		write(t, w.SecretsDir, "flux-system/gitcred/password", "wrong")
		w.Push(t, "app", "1.1.0")
		w.Do(t, "reconcile", "image", "repository", "app")
		w.AwaitCondition(t, harness.Update("gitops"), harness.NotReady("GitOperationFailed", "secretRef"))
		write(t, w.SecretsDir, "flux-system/gitcred/password", gitPassword)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
		neverShown(t, w)
	})
}

func TestSecretManifestsAreTakenByTheFolderAndNeverShown(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	options := private()
	options.Manifests = folder
	w := suite.NewWorld(t, harness.AllInOne(), options)
	privateParts(t, w)
	write(t, folder, "all.yaml", privateManifests(w))
	w.AwaitCondition(t, harness.Repository("app"), harness.NotReady("AuthenticationFailed", "regcred"))
	write(t, folder, "secrets.yaml", fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: regcred, namespace: flux-system}
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{"auths": {%q: {"username": "robot", "password": %q}}}'
---
apiVersion: v1
kind: Secret
metadata: {name: gitcred, namespace: flux-system}
stringData: {username: bot, password: %s}
`, w.Registry.Host(), registryPassword, gitPassword))
	seePrivate(t, w)
	neverShown(t, w)
}

func privateParts(t *testing.T, w *harness.World) {
	t.Helper()
	w.Push(t, "app", "1.0.0")
	w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "0.9.0", "app")})
}

func privateManifests(w *harness.World) string {
	return w.RepositoryManifest("app", "app", "1s") + "  secretRef: {name: regcred}\n---\n" +
		harness.PolicyManifest("app", "app", "1.x") + "---\n" +
		harness.SourceManifest("gitops", w.Git.RepositoryURL("gitops.git")) + "  secretRef: {name: gitcred}\n---\n" +
		harness.UpdateManifest("gitops", "gitops", "1s", "")
}

func seePrivate(t *testing.T, w *harness.World) {
	t.Helper()
	w.AwaitCondition(t, harness.Repository("app"), harness.Ready("found 1 tags"))
	w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
}

// neverShown makes sure that no password is in a log or an answer.
func neverShown(t *testing.T, w *harness.World) {
	t.Helper()
	texts := map[string]string{
		"get image all":  w.Do(t, "get", "image", "all", "-A", "-o", "yaml"),
		"get source git": w.Do(t, "get", "source", "git", "-A", "-o", "yaml"),
	}
	for _, p := range w.Processes() {
		texts["the log of "+p.Name] = p.Stdout.String() + p.Stderr.String()
	}
	for where, text := range texts {
		for _, password := range []string{registryPassword, gitPassword} {
			if strings.Contains(text, password) {
				t.Errorf("%s shows a password", where)
			}
		}
	}
}
