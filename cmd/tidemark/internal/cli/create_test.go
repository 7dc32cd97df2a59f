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
	for file, args := range map[string][]string{
		"repository.yaml": {"image", "repository", "podinfo", "--image", "ghcr.io/stefanprodan/podinfo"},
		"repository-full.yaml": {
			"image", "repository", "app", "--image", "registry.example.com:5000/team/app", "--interval", "5m", "--scan-timeout", "30s",
			"--secret-ref", "regcred", "--insecure-registry", "-n", "apps", "--label", "team=web,tier=front", "--label", "example.com/x=1",
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
		"git-full.yaml": {
			"source", "git", "infra", "--url", "ssh://git@git.example.com/infra", "--tag-semver", ">=1.0.0 <2.0.0", "--ref-name", "refs/heads/main",
			"--tag", "v1", "--commit", "1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112", "--secret-ref", "git-credentials",
			"--interval", "0s", "--fetch-timeout", "20s",
		},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, "", append(append([]string{"create"}, args...), "--export")...)
			if got.code != 0 || got.err != "" {
				t.Fatalf("exit code %d, standard error %q", got.code, got.err)
			}
			golden(t, "create/"+file, got.out)
		})
	}
}

func TestExportIsTakenByApply(t *testing.T) {
	address := newServices().serve(t)
	manifest := tidemark(t, "", "create", "image", "repository", "podinfo", "--image", "ghcr.io/stefanprodan/podinfo", "--export").out
	tidemarkWith(t, address, manifest, "apply", "-f", "-").wants(t, terminal{out: "imagerepository/flux-system/podinfo created\n"})
	tidemarkWith(t, address, manifest, "apply", "-f", "-").wants(t, terminal{out: "imagerepository/flux-system/podinfo unchanged\n"})
}

func TestCreateRefusesBeforeAnythingIsSent(t *testing.T) {
	repository := []string{"image", "repository", "app"}
	policy := []string{"image", "policy", "app", "--image-ref", "app"}
	update := []string{"image", "update", "app"}
	git := []string{"source", "git", "app"}
	for name, test := range map[string]struct {
		noun []string
		args []string
		want string
	}{
		"no name":              {[]string{"image", "repository"}, nil, "ImageRepository name is required"},
		"two names":            {repository, []string{"other"}, "one ImageRepository at a time: 2 names are given"},
		"a name of no sense":   {[]string{"image", "repository", "App_1"}, nil, "name 'App_1' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain lower-case alphanumeric characters, '-' and '.'"},
		"a namespace of none":  {repository, []string{"-n", "a/b"}, "namespace 'a/b' is invalid, it can only contain lower-case alphanumeric characters and '-'"},
		"label without value":  {repository, []string{"--label", "team"}, "invalid label format 'team', must be key=value"},
		"label key":            {repository, []string{"--label", "=x"}, "invalid label key ''"},
		"label value":          {repository, []string{"--label", "a=b c"}, "invalid label value 'b c' of 'a'"},
		"no image":             {repository, nil, "an image repository (--image) is required"},
		"image with scheme":    {repository, []string{"--image", "https://ghcr.io/x/y"}, "--image: image 'https://ghcr.io/x/y' should not include URL scheme; remove 'https://'"},
		"image with tag":       {repository, []string{"--image", "localhost:5000/x:1.0"}, "--image: image 'localhost:5000/x:1.0' should not include a tag; remove ':1.0'"},
		"image with digest":    {repository, []string{"--image", "ghcr.io/x@sha256:ab"}, "--image: image 'ghcr.io/x@sha256:ab' should not include a digest; remove '@sha256:ab'"},
		"negative interval":    {repository, []string{"--image", "x", "--interval=-1m"}, "--interval must not be negative: -1m0s"},
		"a secret's path":      {repository, []string{"--image", "x", "--secret-ref", "../x"}, "--secret-ref '../x' is no name: lower-case letters, digits, '-' and '.' only"},
		"certificates":         {repository, []string{"--cert-ref", "x"}, "invalid argument \"x\" for \"--cert-ref\" flag: private certificate authorities and client certificates are not acted on yet; see `tidemark create image repository --help`"},
		"no image repository":  {[]string{"image", "policy", "app"}, nil, "the name of an ImageRepository in the namespace is required (--image-ref)"},
		"no selector":          {policy, nil, "a policy must be provided with either --select-semver, --select-alpha, --select-numeric or --select-latest"},
		"two selectors":        {policy, []string{"--select-semver", "1.x", "--select-alpha", "asc"}, "only one of --select-semver, --select-alpha, --select-numeric or --select-latest can be specified"},
		"range":                {policy, []string{"--select-semver", "1.x <"}, `--select-semver '1.x <' is no range of versions: improper constraint: "1.x <"`},
		"order":                {policy, []string{"--select-alpha", "up"}, `--select-alpha must be one of ["asc", "desc"], not "up"`},
		"numeric order":        {policy, []string{"--select-numeric", "down"}, `--select-numeric must be one of ["asc", "desc"], not "down"`},
		"regular expression":   {policy, []string{"--select-latest", "--filter-regex", "("}, "--filter-regex is an invalid regex pattern: error parsing regexp: missing closing ): `(`"},
		"extract alone":        {policy, []string{"--select-latest", "--filter-extract", "$1"}, "cannot specify --filter-extract without specifying --filter-regex"},
		"group of no name":     {policy, []string{"--select-latest", "--filter-regex", "(?P<ts>.*)-(.*)", "--filter-extract", "$tss"}, "--filter-extract refers to the group 'tss', which --filter-regex does not have; it has $0, $ts, $2"},
		"group of no number":   {policy, []string{"--select-latest", "--filter-regex", "(.*)", "--filter-extract", "${2}"}, "--filter-extract refers to the group '2', which --filter-regex does not have; it has $0, $1"},
		"digest policy":        {policy, []string{"--select-latest", "--reflect-digest", "Sometimes"}, `--reflect-digest must be one of ["Never", "IfNotPresent", "Always"], not "Sometimes"`},
		"Always, no interval":  {policy, []string{"--select-latest", "--reflect-digest", "Always"}, "--interval of at least 1s is required with --reflect-digest Always"},
		"interval, not Always": {policy, []string{"--select-latest", "--interval", "1m"}, "--interval can only be used with --reflect-digest Always"},
		"no Git repository":    {update, nil, "a reference to a GitRepository is required (--git-repo-ref)"},
		"no branch":            {update, []string{"--git-repo-ref", "x"}, "the Git repository branch is required (--checkout-branch)"},
		"no author":            {update, []string{"--git-repo-ref", "x", "--checkout-branch", "main"}, "the author name is required (--author-name)"},
		"no address":           {update, []string{"--git-repo-ref", "x", "--checkout-branch", "main", "--author-name", "x"}, "the author email is required (--author-email)"},
		"signatures":           {update, []string{"--signing-key-secret", "x"}, "invalid argument \"x\" for \"--signing-key-secret\" flag: commits are not signed yet; see `tidemark create image update --help`"},
		"no URL":               {git, nil, "url is required (--url)"},
		"URL's scheme":         {git, []string{"--url", "ftp://x/y"}, "git URL scheme 'ftp' not supported, can be: ssh, http and https"},
		"credentials":          {git, []string{"--url", "https://me:secret@x/y"}, "--url must not hold credentials; put them into a secret and name it with --secret-ref"},
		"no host":              {git, []string{"--url", "https:///y"}, "--url 'https:///y' names no host"},
		"tag range":            {git, []string{"--url", "https://x/y", "--tag-semver", "one"}, `--tag-semver 'one' is no range of versions: improper constraint: "one"`},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(append([]string{"create"}, test.noun...), test.args...)
			tidemark(t, "", args...).wants(t, terminal{err: "✗ " + test.want + "\n", code: 1})
		})
	}
}

func TestExtractMayNameGroupsAsGoDoes(t *testing.T) {
	for _, extract := range []string{"$0", "$1", "${1}", "$ts", "${ts}x", "$$ts1", "plain", "$"} {
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
	tidemark(t, address, "create", "source", "git", "app", "--url", "https://git.example.com/x").wants(t,
		terminal{err: lines("GitRepository", "created", "fetched revision: main@sha1:1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112")})
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
