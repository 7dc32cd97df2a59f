// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/offline"
)

// resolution answers about one repository, `flux-system/app`, whose tags it has as a list.
type resolution struct {
	resolverv1.UnimplementedResolutionServiceServer
	t       *testing.T
	tags    []string
	offline *offline.Resolver
}

func (r *resolution) listed(req *resolverv1.ResolveRequest) (*resolverv1.ResolveRequest, string) {
	ref := req.GetImageRepositoryRef()
	if ref == nil {
		return req, ""
	}
	if ref.GetNamespace() != "flux-system" || ref.GetName() != "app" {
		r.t.Errorf("asked about %v", ref)
	}
	return &resolverv1.ResolveRequest{
		Source: &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{Tags: r.tags}},
		Policy: req.GetPolicy(), FilterTags: req.GetFilterTags(),
	}, "ghcr.io/x/app"
}

func (r *resolution) Resolve(ctx context.Context, req *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error) {
	listed, image := r.listed(req)
	resp, err := r.offline.Resolve(ctx, listed)
	if err == nil {
		resp.LatestRef.Name = image
		if req.GetDigestReflectionPolicy() != 0 {
			resp.LatestRef.Digest = "sha256:beef"
		}
	}
	return resp, err
}

// Explain answers with pages of two, so that pages are turned.
func (r *resolution) Explain(ctx context.Context, req *resolverv1.ExplainRequest) (*resolverv1.ExplainResponse, error) {
	listed, _ := r.listed(req.GetRequest())
	return r.offline.Explain(ctx, &resolverv1.ExplainRequest{Request: listed, PageSize: 2, PageToken: req.GetPageToken()})
}

func serveResolution(t *testing.T) string {
	t.Helper()
	s := newServices()
	s.policies = newShelf([]*resolverv1.ImagePolicy{{
		Metadata: metadata("flux-system", "app", nil),
		Spec: &resolverv1.ImagePolicySpec{
			ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"},
			Policy: &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{
				Semver: &resolverv1.SemVerPolicy{Range: "7.8.x"},
			}},
		},
	}})
	server := grpc.NewServer()
	resolverv1.RegisterImagePolicyServiceServer(server, s)
	resolverv1.RegisterResolutionServiceServer(server, &resolution{
		t: t, tags: []string{"7.8.0", "7.8.1", "v7.8.1", "7.9.0", "7.8.2-rc.1", "latest"}, offline: offline.New(),
	})
	return serve(t, server)
}

func TestExplainShowsEveryTag(t *testing.T) {
	address := serveResolution(t)
	tags := filepath.Join(t.TempDir(), "tags.txt")
	if err := os.WriteFile(tags, []byte("# of main\nmain-9\nmain-10\n\nmain-x\ndev-11\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, c := range map[string]struct{ args []string }{
		"policy.txt":       {[]string{"app"}},
		"policy.json":      {[]string{"app", "-o", "json", "--limit", "3"}},
		"policy.yaml":      {[]string{"app", "-o", "yaml", "--limit", "3"}},
		"repository.txt":   {[]string{"--image-repo", "app", "--select-alpha", "desc", "--limit", "1", "--no-header"}},
		"tags-file.txt":    {[]string{"--tags-file", tags, "--select-numeric", "asc", "--filter-regex", `^main-(?P<ts>\w+)$`, "--filter-extract", "$ts"}},
		"nothing-fits.txt": {[]string{"--tags-file", tags, "--select-semver", ">=1"}},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, address, append([]string{"explain"}, c.args...)...)
			if got.code != 0 || got.err != "" {
				t.Fatalf("exit code %d: %s", got.code, got.err)
			}
			golden(t, "explain/"+file, got.out)
		})
	}
}

func TestResolvePrintsTheTag(t *testing.T) {
	address := serveResolution(t)
	const nowhere = "127.0.0.1:1"
	for name, c := range map[string]struct {
		server, stdin string
		args          []string
		want          terminal
	}{
		"of a repository": {server: address, args: []string{"--image-repo", "app", "--select-semver", "7.8.x"}, want: terminal{out: "ghcr.io/x/app:v7.8.1\n"}},
		"with its digest": {
			server: address, args: []string{"--image-repo", "flux-system/app", "--select-semver", "7.9.x", "--digest"},
			want: terminal{out: "ghcr.io/x/app:7.9.0@sha256:beef\n"},
		},
		"of arguments":          {server: address, args: []string{"1.0.0", "1.1.0"}, want: terminal{out: "1.1.0\n"}},
		"of standard input":     {server: nowhere, stdin: "1.0.0\n1.1.0\n", args: []string{"--tags-file", "-"}, want: terminal{out: "1.1.0\n"}},
		"as JSON":               {server: nowhere, stdin: "1.0.0\nx\n", args: []string{"--tags-file", "-", "--select-semver", "1", "-o", "json"}, want: terminal{out: "{\n    \"latestRef\": {\n        \"tag\": \"1.0.0\"\n    },\n    \"considered\": 2,\n    \"rejected\": 1\n}\n"}},
		"as YAML":               {server: nowhere, stdin: "1.10\n", args: []string{"--tags-file", "-", "--select-alpha", "asc", "-o", "yaml"}, want: terminal{out: "latestRef:\n  tag: \"1.10\"\nconsidered: 1\n"}},
		"none is good":          {server: nowhere, stdin: "1.0.0\n", args: []string{"--tags-file", "-", "--select-semver", ">1"}, want: terminal{code: 1, err: "✗ unable to determine latest version from provided list: of 1 tags the filter leaves out 0, 0 are not parsable, and 1 are out of range\n"}},
		"no tags are named":     {args: []string{"--select-semver", "1"}, want: terminal{code: 1, err: "✗ whose tags? Name an image repository (--image-repo) or a file of tags (--tags-file, - for standard input)\n"}},
		"two places":            {args: []string{"--image-repo", "app", "1.0.0"}, want: terminal{code: 1, err: "✗ tags come from one place: --image-repo, --tags-file or arguments\n"}},
		"an age of mere names":  {args: []string{"1.0.0", "--min-age", "1h"}, want: terminal{code: 1, err: "✗ --min-age needs --image-repo: nothing is known of tags but their names otherwise\n"}},
		"a digest of names":     {args: []string{"1.0.0", "--digest"}, want: terminal{code: 1, err: "✗ --digest needs --image-repo: it is the registry that knows digests\n"}},
		"a tag that is none":    {stdin: strings.Repeat("x", 129), args: []string{"--tags-file", "-"}, want: terminal{code: 1, err: "✗ standard input: line 1 has 129 characters; a tag has at most 128\n"}},
		"another form":          {args: []string{"1.0.0", "-o", "wide"}, want: terminal{code: 1, err: "✗ -o wide: the output is json or yaml\n"}},
		"contradictory choices": {args: []string{"1.0.0", "--select-semver", "1", "--select-latest"}, want: terminal{code: 1, err: "✗ only one of --select-semver, --select-alpha, --select-numeric or --select-latest can be specified\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			tidemarkWith(t, c.server, c.stdin, append([]string{"resolve"}, c.args...)...).wants(t, c.want)
		})
	}
}

func TestExplainTakesANameOrFlags(t *testing.T) {
	tidemark(t, "", "explain", "app", "--select-latest").wants(t, terminal{
		code: 1, err: "✗ a stored policy says itself what it selects: give its name, or flags, but not both\n",
	})
}
