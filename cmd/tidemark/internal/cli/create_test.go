// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestExportPrintsFluxsManifests(t *testing.T) {
	// What flags of Tidemark's own make is not left out, but warned of.
	own := map[string]bool{"policy-latest.yaml": true, "policy-own.yaml": true, "update-own.yaml": true}
	for file, args := range map[string][]string{
		"repository.yaml": {"image", "repository", "podinfo", "--image", "ghcr.io/stefanprodan/podinfo"},
		"repository-full.yaml": {
			"image", "repository", "app", "--image", "registry.example.com:5000/team/app", "--interval", "5m", "--scan-timeout", "30s",
			"--secret-ref", "regcred", "--insecure-registry", "-n", "apps", "--label", "team=web,tier=front", "--label", "example.com/x=1",
		},
		"repository-cloud.yaml": {
			"image", "repository", "app", "--image", "123.dkr.ecr.eu-west-1.amazonaws.com/app", "--provider", "aws",
			"--cert-ref", "registry-ca", "--proxy-secret-ref", "proxy", "--scan-timeout", "90m",
		},
		"policy-semver.yaml": {"image", "policy", "podinfo", "--image-ref", "podinfo", "--select-semver", "5.0.x"},
		"policy-alpha.yaml": {
			"image", "policy", "minio", "--image-ref", "minio", "--select-alpha", "asc",
			"--filter-regex", `^RELEASE\.(?P<timestamp>.*)Z$`, "--filter-extract", "$timestamp",
		},
		"policy-numeric.yaml": {
			"image", "policy", "app", "--image-ref", "other/app", "--select-numeric", "desc", "--reflect-digest", "Always", "--interval", "10m",
		},
		"policy-latest.yaml": {"image", "policy", "app", "--image-ref", "app", "--select-latest", "--reflect-digest", "IfNotPresent"},
		"policy-own.yaml": {
			"image", "policy", "app", "--image-ref", "app", "--select-latest=created", "--minimum-age", "24h",
			"--platform", "linux/amd64,linux/arm64", "--image-label", "org.opencontainers.image.source=https://example.com/x",
		},
		"update-least.yaml": {"image", "update", "app", "--git-repo-ref", "app", "--author-email", "flux@example.com"},
		"update-own.yaml": {
			"image", "update", "app", "--git-repo-ref", "app", "--author-email", "flux@example.com", "--allow-downgrade",
			"--signing-key-secret", "key", "--signing-key-type", "ssh", "--push-refspec", "refs/heads/main:refs/for/main",
			"--push-option", "ci.skip=true", "--policy-selector", "team=web,tier=front",
		},
		"receiver.yaml": {
			"receiver", "github", "--type", "github", "--secret-ref", "webhook-token", "--event", "ping,push", "--event", "package",
			"--resource", "ImageRepository/app", "--resource", "GitRepository/*", "--interval", "5m",
		},
		"update.yaml": {
			"image", "update", "flux-system", "--git-repo-ref", "flux-system", "--checkout-branch", "main",
			"--author-name", "flux", "--author-email", "flux@example.com",
		},
		"update-full.yaml": {
			"images", "update", "flux-system", "--git-repo-ref", "flux-system", "--git-repo-namespace", "git",
			"--git-repo-path", "./clusters/my-cluster", "--checkout-branch", "main", "--push-branch", "image-updates",
			"--author-name", "flux", "--author-email", "flux@example.com", "--commit-template", "{{range .Changed.Changes}}{{.NewValue}}{{end}}",
			"--interval", "1h30m",
		},
		"git.yaml": {"source", "git", "podinfo", "--url", "https://github.com/stefanprodan/podinfo", "--branch", "master"},
		"git-github.yaml": {
			"source", "git", "app", "--url", "https://github.com/x/app", "--provider", "github", "--secret-ref", "app",
			"--proxy-secret-ref", "proxy", "-s",
		},
		"git-full.yaml": {
			"source", "git", "infra", "--url", "ssh://git@git.example.com/infra", "--tag-semver", ">=1.0.0 <2.0.0", "--ref-name", "refs/heads/main",
			"--tag", "v1", "--commit", "1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112", "--secret-ref", "git-credentials",
			"--interval", "0s", "--fetch-timeout", "20s",
		},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, "", append(append([]string{"create"}, args...), "--export")...)
			if got.code != 0 || (got.err != "") != own[file] {
				t.Fatalf("exit code %d, standard error %q", got.code, got.err)
			}
			golden(t, "create/"+file, got.err+got.out)
		})
	}
}

func TestExportIsTakenByApply(t *testing.T) {
	address := newServices().serve(t)
	manifest := tidemark(t, "", "create", "image", "repository", "podinfo", "--image", "ghcr.io/stefanprodan/podinfo", "--export").out
	tidemarkWith(t, address, manifest, "apply", "-f", "-").wants(t, terminal{out: "imagerepository/flux-system/podinfo created\n"})
	tidemarkWith(t, address, manifest, "apply", "-f", "-").wants(t, terminal{out: "imagerepository/flux-system/podinfo unchanged\n"})
}

func TestExtractMayNameGroupsAsGoDoes(t *testing.T) {
	for _, extract := range []string{"$0", "$1", "${1}", "$ts", "${ts}x", "$$ts1", "plain"} {
		got := tidemark(t, "", "create", "image", "policy", "x", "--image-ref", "x", "--select-alpha", "asc",
			"--filter-regex", "(?P<ts>.*)", "--filter-extract", extract, "--export")
		if got.code != 0 {
			t.Errorf("%s: %s", extract, got.err)
		}
	}
}

func TestCreateWaitsUntilTheObjectIsReady(t *testing.T) {
	s := newServices()
	s.repositories.reconcile = func(o *scannerv1.ImageRepository) {
		o.Status = &scannerv1.ImageRepositoryStatus{
			Conditions: isReady("successful scan: found 2 tags"), LastScanResult: &scannerv1.ScanResult{TagCount: 2},
		}
	}
	s.policies.reconcile = func(o *resolverv1.ImagePolicy) {
		o.Status = &resolverv1.ImagePolicyStatus{
			Conditions: isReady(""), LatestRef: &resolverv1.ImageRef{Name: "ghcr.io/x/y", Tag: "5.0.3", Digest: "sha256:ab"},
		}
	}
	s.automations.reconcile = func(o *updaterv1.ImageUpdateAutomation) {
		o.Status = &updaterv1.ImageUpdateAutomationStatus{Conditions: isReady("repository up-to-date")}
	}
	s.sources.reconcile = func(o *updaterv1.GitRepository) {
		o.Status = &updaterv1.GitRepositoryStatus{
			Conditions: isReady(""), Artifact: &updaterv1.GitArtifact{Revision: "main@sha1:1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112"},
		}
	}
	s.receivers.reconcile = func(o *scannerv1.Receiver) {
		o.Status = &scannerv1.ReceiverStatus{Conditions: isReady(""), WebhookPath: "/hook/bed6d00b"}
	}
	address := s.serve(t)
	lines := func(noun, outcome, end string) string {
		return "✚ generating " + noun + "\n► applying " + noun + "\n✔ " + noun + " " + outcome +
			"\n◎ waiting for " + noun + " reconciliation\n✔ " + noun + " reconciliation completed\n✔ " + end + "\n"
	}
	repository := []string{"create", "image", "repository", "app", "--image", "ghcr.io/x/y"}
	tidemark(t, address, repository...).wants(t, terminal{err: lines("ImageRepository", "created", "scan fetched 2 tags")})
	tidemark(t, address, repository...).wants(t, terminal{err: lines("ImageRepository", "unchanged", "scan fetched 2 tags")})
	tidemark(t, address, append(repository, "--interval", "5m")...).wants(t,
		terminal{err: lines("ImageRepository", "updated", "scan fetched 2 tags")})
	tidemark(t, address, "create", "image", "policy", "app", "--image-ref", "app", "--select-semver", "5.0.x").wants(t,
		terminal{err: lines("ImagePolicy", "created", "selected ref ghcr.io/x/y:5.0.3@sha256:ab")})
	tidemark(t, address, "create", "image", "update", "app", "--git-repo-ref", "app", "--checkout-branch", "main",
		"--author-name", "x", "--author-email", "x@example.com").wants(t,
		terminal{err: lines("ImageUpdateAutomation", "created", "automation not yet run")})
	tidemark(t, address, "create", "receiver", "hook", "--type", "quay", "--secret-ref", "token", "--resource", "ImageRepository/*").wants(t,
		terminal{err: "✚ generating Receiver\n► applying Receiver\n✔ Receiver created\n◎ waiting for Receiver reconciliation\n" +
			"✔ Receiver hook is ready\n✔ generated webhook URL /hook/bed6d00b\n"})
	tidemark(t, address, "create", "source", "git", "app", "--url", "https://git.example.com/x").wants(t,
		terminal{err: lines("GitRepository source", "created", "fetched revision: main@sha1:1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112")})
}

func TestCreateFailsWithTheConditionsMessage(t *testing.T) {
	s := newServices()
	s.repositories.reconcile = func(o *scannerv1.ImageRepository) {
		o.Status = &scannerv1.ImageRepositoryStatus{Conditions: isNotReady("ReadOperationFailed", "scan failed: no such host")}
	}
	got := tidemark(t, s.serve(t), "create", "image", "repository", "app", "--image", "ghcr.io/x/y")
	got.wants(t, terminal{
		err: "✚ generating ImageRepository\n► applying ImageRepository\n✔ ImageRepository created\n" +
			"◎ waiting for ImageRepository reconciliation\n✗ scan failed: no such host\n",
		code: 1,
	})
}

func TestCreateGivesUpAfterTheTimeout(t *testing.T) {
	got := tidemark(t, newServices().serve(t), "create", "image", "repository", "app", "--image", "ghcr.io/x/y", "--timeout", "200ms")
	got.wants(t, terminal{
		err: "✚ generating ImageRepository\n► applying ImageRepository\n✔ ImageRepository created\n" +
			"◎ waiting for ImageRepository reconciliation\n" +
			"✗ ImageRepository is stored, but was not reconciled: not done within --timeout 200ms\n",
		code: 1,
	})
}

func TestCreateTellsWhatTheServiceRefuses(t *testing.T) {
	s := newServices()
	s.policies.refuse = func(*resolverv1.ImagePolicy) error {
		return rpcerr.New(codes.InvalidArgument, metav1.ErrorReason_ERROR_REASON_INVALID_FIELD, "spec.policy.semver.range: no such range")
	}
	got := tidemark(t, s.serve(t), "create", "image", "policy", "app", "--image-ref", "app", "--select-semver", "1.x")
	got.wants(t, terminal{
		err:  "✚ generating ImagePolicy\n► applying ImagePolicy\n✗ spec.policy.semver.range: no such range\n",
		code: 1,
	})
}
