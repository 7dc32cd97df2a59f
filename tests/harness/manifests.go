// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Manifest is a file of testdata/manifests, as written but for the hosts of its images, which become the registry's.
func (w *World) Manifest(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Suite.Programs.Root, "tests", "testdata", "manifests", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("docker.io/", w.Registry.Host()+"/", "registry.example.com/", w.Registry.Host()+"/").Replace(string(text))
}

// Image is a repository's name in the registry, with its host.
func (w *World) Image(repository string) string { return w.Registry.Host() + "/" + repository }

// RepositoryManifest is an ImageRepository of the registry.
func (w *World) RepositoryManifest(name, repository, interval string) string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: %s}
spec:
  image: %s
  interval: %s
`, name, w.Image(repository), interval)
}

// PolicyManifest is an ImagePolicy over an ImageRepository with a range of versions.
func PolicyManifest(name, repository, semver string) string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: %s}
spec:
  imageRepositoryRef: {name: %s}
  policy:
    semver: {range: %q}
`, name, repository, semver)
}

// SourceManifest is a GitRepository at main.
func SourceManifest(name, url string) string {
	return fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s}
spec:
  url: %s
  interval: 1m
  timeout: 5s
  ref: {branch: main}
`, name, url)
}

// UpdateManifest is an ImageUpdateAutomation that writes to a GitRepository; more is added to its spec.
func UpdateManifest(name, source, interval, more string) string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: %s}
spec:
  sourceRef: {kind: GitRepository, name: %s}
  interval: %s
  git:
    commit:
      author: {name: Tidemark, email: tidemark@example.com}
%s`, name, source, interval, more)
}

// Deployed is a Deployment that runs an image's tag and lets a policy set it.
func Deployed(image, tag, policy string) string {
	return fmt.Sprintf(`# What runs.
apiVersion: apps/v1
kind: Deployment
metadata:
    name: app
spec:
    template:
        spec:
            containers:
            -   name: app
                image: %s:%s   # {"$imagepolicy": "flux-system:%s"}
                ports: [{containerPort: 80}]
`, image, tag, policy)
}
