// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/offline"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	digestOf200 = "sha256:2000000000000000000000000000000000000000000000000000000000000000"
)

// traced are services of which each knows a part of the story: the repository app, whose tag 2.0.0 a webhook announced.
type traced struct {
	*services
	scannerv1.UnimplementedTagServiceServer
	resolverv1.UnimplementedResolutionServiceServer
	offline *offline.Resolver
	// registryAway: the digest cannot be asked for.
	registryAway bool
}

func (s *traced) GetTag(_ context.Context, r *scannerv1.GetTagRequest) (*scannerv1.GetTagResponse, error) {
	seen := timestamppb.New(noon.Add(-time.Second))
	tag := &scannerv1.Tag{Name: r.GetTag(), FirstSeenTime: seen}
	switch r.GetTag() {
	case "2.0.0":
		tag.Origin = &scannerv1.TagOrigin{
			Trigger: scannerv1.ScanTrigger_SCAN_TRIGGER_WEBHOOK, Receiver: "flux-system/registry", TraceId: traceID, Time: seen,
		}
		tag.CreatedTime = timestamppb.New(noon.Add(-time.Minute))
	case "1.0.0":
		tag.Initial = true
	case "2.1.0":
		tag.Origin = &scannerv1.TagOrigin{Trigger: scannerv1.ScanTrigger_SCAN_TRIGGER_INTERVAL, Time: seen}
	default:
		return nil, rpcerr.New(codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "no such tag")
	}
	if len(r.GetMetadata()) > 1 {
		if s.registryAway {
			return nil, rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED, "the registry says 503")
		}
		tag.Digest = "sha256:1000"
		if r.GetTag() == "2.0.0" {
			tag.Digest = digestOf200
		}
	}
	return &scannerv1.GetTagResponse{Tag: tag}, nil
}

func (s *traced) ListTags(_ context.Context, r *scannerv1.ListTagsRequest) (*scannerv1.ListTagsResponse, error) {
	if r.GetPattern() == `^2\.0\.0\.sig$` && r.GetIncludeExcluded() {
		return &scannerv1.ListTagsResponse{Tags: []*scannerv1.Tag{{Name: "2.0.0.sig", Excluded: true, FirstSeenTime: timestamppb.New(noon)}}}, nil
	}
	return &scannerv1.ListTagsResponse{}, nil
}

func (s *traced) Explain(ctx context.Context, r *resolverv1.ExplainRequest) (*resolverv1.ExplainResponse, error) {
	if r.GetRequest().GetTagList() != nil {
		return s.offline.Explain(ctx, r)
	}
	return &resolverv1.ExplainResponse{Verdicts: []*resolverv1.TagVerdict{
		{Tag: "2.1.0", Verdict: resolverv1.Verdict_VERDICT_TOO_YOUNG, Reason: "it has been known for 1m0s; it is selected after 1h0m0s"},
	}}, nil
}

func (s *traced) CompareTags(context.Context, *resolverv1.CompareTagsRequest) (*resolverv1.CompareTagsResponse, error) {
	return &resolverv1.CompareTagsResponse{
		Comparison: resolverv1.Comparison_COMPARISON_OLDER, Reason: "2.1.0 is not as recent as 2.0.0",
	}, nil
}

// ListRuns knows the runs of a day of the automation app, and none of others.
func (s *traced) ListRuns(_ context.Context, r *updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
	if r.GetName() != "app" || len(r.GetOutcomes()) == 0 {
		return &updaterv1.ListRunsResponse{}, nil
	}
	answer := &updaterv1.ListRunsResponse{}
	for _, run := range runsOfADay() {
		if slices.Contains(r.GetOutcomes(), run.GetOutcome()) {
			answer.Runs = append(answer.Runs, run)
		}
	}
	answer.Runs[0].Changes = []*updaterv1.RunChange{
		{Path: "apps/new.yaml", Line: 2, Setter: "flux-system:app:tag", OldValue: "1.0.0", NewValue: "2.0.0"},
	}
	answer.Runs[2].Changes = []*updaterv1.RunChange{
		{Path: "apps/app.yaml", Line: 11, Setter: "flux-system:app", OldValue: "ghcr.io/x/app:0.9.0", NewValue: "ghcr.io/x/app:1.0.0"},
		{Path: "apps/digest.yaml", Line: 4, Setter: "flux-system:app:digest", NewValue: digestOf200, Node: "image.digest"},
	}
	return answer, nil
}

func policyOver(name string, choice *resolverv1.ImagePolicyChoice, change func(*resolverv1.ImagePolicy)) *resolverv1.ImagePolicy {
	p := &resolverv1.ImagePolicy{
		Metadata: metadata("flux-system", name, nil),
		Spec:     &resolverv1.ImagePolicySpec{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "app"}, Policy: choice},
		Status: &resolverv1.ImagePolicyStatus{
			Conditions: isReady("resolved"), LatestRef: &resolverv1.ImageRef{Name: "ghcr.io/x/app", Tag: "2.0.0"},
		},
	}
	change(p)
	return p
}

func inRange(of string) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: of}}}
}

func newTraced() *traced {
	s := &traced{services: newServices(), offline: offline.New()}
	scanned := &scannerv1.ImageRepositoryStatus{
		Conditions: isReady("found"), CanonicalImageName: "ghcr.io/x/app",
		LastScanResult: &scannerv1.ScanResult{TagCount: 3, ScanTime: timestamppb.New(noon)},
	}
	s.repositories = newShelf([]*scannerv1.ImageRepository{
		{Metadata: metadata("flux-system", "app", nil), Spec: &scannerv1.ImageRepositorySpec{Image: "ghcr.io/x/app"}, Status: scanned},
		{Metadata: metadata("flux-system", "unused", nil), Spec: &scannerv1.ImageRepositorySpec{Image: "localhost:5000/unused"}},
	})
	s.policies = newShelf([]*resolverv1.ImagePolicy{
		policyOver("app", inRange(">=1.0.0"), func(p *resolverv1.ImagePolicy) {
			p.Spec.MinimumAge = &resolverv1.MinimumAge{Duration: durationpb.New(time.Hour)}
		}),
		policyOver("frozen", inRange("1.x"), func(p *resolverv1.ImagePolicy) {
			p.Status.LatestRef.Tag = "1.0.0"
			p.Override = &metav1.Override{Hold: &metav1.Hold{Tag: "1.0.0", Actor: "ops", Reason: "release freeze"}}
		}),
		policyOver("recent", nil, func(*resolverv1.ImagePolicy) {}),
		policyOver("broken", inRange("x.y"), func(p *resolverv1.ImagePolicy) {
			p.Status = &resolverv1.ImagePolicyStatus{Conditions: isNotReady("InvalidPolicy", "policy.semver.range: improper constraint\x1b[2J")}
		}),
	})
	s.automations = newShelf([]*updaterv1.ImageUpdateAutomation{
		{
			Metadata: metadata("flux-system", "app", nil), Spec: &updaterv1.ImageUpdateAutomationSpec{},
			Status: &updaterv1.ImageUpdateAutomationStatus{
				Conditions:       isReady("repository up-to-date"),
				ObservedPolicies: map[string]*updaterv1.ObservedPolicy{"app": {Name: "ghcr.io/x/app", Tag: "2.0.0"}},
				Held: []*updaterv1.HeldValue{{
					Path: "apps/old.yaml", Line: 3, Setter: "flux-system:app:tag", Value: "1.0.0", ProposedValue: "2.0.0",
					Reason: updaterv1.HoldReason_HOLD_REASON_REVERTED, Message: "commit 5f21c2e was undone",
				}},
				Warnings: []string{
					"apps/old.yaml:3: commit 5f21c2e was undone", "apps/app.yaml:30: the marker is not closed", "docs/x.yaml was left alone: no YAML",
				},
			},
		},
		{
			Metadata: metadata("flux-system", "prod", nil), Spec: &updaterv1.ImageUpdateAutomationSpec{},
			Override: &metav1.Override{Suspension: &metav1.Suspension{Actor: "alice", Reason: "audit"}},
			Status: &updaterv1.ImageUpdateAutomationStatus{
				Conditions:       isNotReady("GitOperationFailed", "push failed: the branch is protected"),
				ObservedPolicies: map[string]*updaterv1.ObservedPolicy{"app": {Tag: "1.0.0"}},
			},
		},
		{Metadata: metadata("flux-system", "strangers", nil), Spec: &updaterv1.ImageUpdateAutomationSpec{}},
	})
	return s
}

// serve serves them, with automations of their own or another's.
func (s *traced) serve(t *testing.T, automations updaterv1.ImageUpdateAutomationServiceServer) string {
	t.Helper()
	server := grpc.NewServer()
	scannerv1.RegisterImageRepositoryServiceServer(server, s)
	scannerv1.RegisterTagServiceServer(server, s)
	resolverv1.RegisterImagePolicyServiceServer(server, s)
	resolverv1.RegisterResolutionServiceServer(server, s)
	updaterv1.RegisterImageUpdateAutomationServiceServer(server, automations)
	return serve(t, server)
}

func serveTraced(t *testing.T) string {
	t.Helper()
	s := newTraced()
	return s.serve(t, s)
}

func TestTraceShowsWhereATagCameFromAndWent(t *testing.T) {
	address := serveTraced(t)
	for name, args := range map[string][]string{
		"chosen.txt": {"image", "app"}, "image.json": {"image", "ghcr.io/x/app:2.0.0", "-o", "json"}, "image.yaml": {"image", "app:1.0.0", "-o", "yaml"},
		"replaced.txt": {"image", "ghcr.io/x/app:1.0.0"}, "young.txt": {"image", "app:2.1.0"}, "unlisted.txt": {"image", "app:3.0.0"},
		"excluded.txt": {"image", "app:2.0.0.sig"}, "unused.txt": {"image", "localhost:5000/unused"}, "frozen.txt": {"image", "frozen"},
		"line.txt": {"file", "apps/app.yaml:12"}, "line.json": {"file", "./apps/app.yaml:12", "-o", "json"}, "near.txt": {"file", "/apps/app.yaml:15:7"},
		"file.txt": {"file", "apps/kustomization.yaml"}, "digest.txt": {"file", "apps/digest.yaml", "--automation", "app"},
		"held.txt": {"file", "apps/old.yaml:3"}, "left-alone.txt": {"file", "docs/x.yaml:9"}, "closed.txt": {"file", "apps/app.yaml:30"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tidemark(t, address, append([]string{"trace"}, args...)...)
			if got.code != 0 || got.err != "" {
				t.Errorf("exit code %d: %s", got.code, got.err)
			}
			golden(t, "trace/"+name, got.out)
		})
	}
}

func TestTraceSaysWhatItDoesNotFind(t *testing.T) {
	address := serveTraced(t)
	for want, args := range map[string][]string{
		"✗ no ImageRepository, ImagePolicy or image is called 'apq' in flux-system namespace; did you mean app?\n": {"image", "apq"},
		"✗ no ImageRepository, ImagePolicy or image is called 'app' in tenants namespace\n":                        {"image", "app", "-n", "tenants"},
		"✗ an image is required: NAME[:TAG]\n":                                                                     {"image"},
		"✗ one at a time\n":                                                                                        {"image", "a", "b"},
		"✗ '-x' is no tag\n":                                                                                       {"image", "app:-x"},
		"✗ a file is required: PATH[:LINE]\n":                                                                      {"file"},
		"✗ 'a.yaml:0': lines are counted from 1\n":                                                                 {"file", "a.yaml:0"},
		"✗ '..' is no file; give its path in the repository, for example apps/web.yaml:12\n":                       {"file", ".."},
		"✗ no recorded run wrote app.yaml; the last 50 with a commit of each ImageUpdateAutomation are kept; did you mean apps/app.yaml?\n":                               {"file", "app.yaml"},
		"✗ no recorded run wrote anything near line 99 of apps/kustomization.yaml; the last 50 with a commit are kept; the nearest value that is recorded is at line 5\n": {"file", "apps/kustomization.yaml:99"},
		"✗ there is no ImageUpdateAutomation in the namespace, so that nothing was written\n":                                                                             {"file", "a.yaml", "-n", "tenants"},
		"✗ -o wide: the output is json or yaml\n": {"image", "app", "-o", "wide"},
	} {
		tidemark(t, address, append([]string{"trace"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
}

func TestTraceTellsWhatItHasThoughAPartIsAway(t *testing.T) {
	away := newTraced()
	away.registryAway = true
	got := tidemark(t, away.serve(t, away), "trace", "image", "app")
	if got.code != 0 || !strings.Contains(got.out, "digest       not known: the registry says 503\n") || !strings.Contains(got.out, "Receiver flux-system/registry") {
		t.Errorf("%+v", got)
	}
	up := serveTraced(t)
	got = tidemark(t, up, "trace", "image", "app", "--updater-server", "127.0.0.1:1")
	if got.code != 1 || !strings.Contains(got.out, "SELECTED") || strings.Contains(got.out, "not written") || !strings.HasPrefix(got.err, "✗ ") {
		t.Errorf("%+v", got)
	}
}

func TestTraceAsksWhichRepositoryIsMeant(t *testing.T) {
	all := newTraced()
	s := all.serve(t, twice{all})
	tidemark(t, s, "trace", "file", "apps/app.yaml:12").wants(t, terminal{code: 1, err: "✗ apps/app.yaml is in several repositories; " +
		"say whose with --automation: app (https://git.example.com/team/config.git), prod (https://git.example.com/team/prod.git)\n"})
	if got := tidemark(t, s, "trace", "file", "apps/app.yaml:12", "--automation", "prod"); got.code != 0 || !strings.Contains(got.out, "team/prod.git") {
		t.Errorf("%+v", got)
	}
}

// twice has the automation prod write the same file of another repository.
type twice struct{ *traced }

func (s twice) ListRuns(ctx context.Context, r *updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
	if r.GetName() != "prod" {
		return s.traced.ListRuns(ctx, r)
	}
	answer, err := s.traced.ListRuns(ctx, &updaterv1.ListRunsRequest{Name: "app", Outcomes: r.GetOutcomes()})
	for _, run := range answer.GetRuns() {
		run.Url = "https://git.example.com/team/prod.git"
	}
	return answer, err
}
