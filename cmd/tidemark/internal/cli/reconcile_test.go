// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestReconcileImageRepositoryScans(t *testing.T) {
	s := newServices()
	s.scan = func(r *scannerv1.ScanImageRepositoryRequest) (*scannerv1.ScanImageRepositoryResponse, error) {
		if r.GetNamespace() != "apps" || r.GetName() != "app" {
			return nil, rpcerr.New(codes.Unauthenticated, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED,
				"scan failed: the registry refuses the credentials of secret regcred")
		}
		if r.GetAcceptShrink() {
			return &scannerv1.ScanImageRepositoryResponse{Result: &scannerv1.ScanResult{TagCount: 1}}, nil
		}
		return &scannerv1.ScanImageRepositoryResponse{Result: &scannerv1.ScanResult{TagCount: 2}}, nil
	}
	address := s.serve(t)
	tidemark(t, address, "reconcile", "image", "repository", "app", "-n", "apps").wants(t, terminal{
		err: "► scanning ImageRepository app in apps namespace\n✔ scan fetched 2 tags\n",
	})
	tidemark(t, address, "reconcile", "image", "repository", "app", "-n", "apps", "--accept-shrink").wants(t, terminal{
		err: "► scanning ImageRepository app in apps namespace\n✔ scan fetched 1 tags\n",
	})
	tidemark(t, address, "reconcile", "image", "repository", "other").wants(t, terminal{
		err: "► scanning ImageRepository other in flux-system namespace\n" +
			"✗ scan failed: the registry refuses the credentials of secret regcred\n",
		code: 1,
	})
}

func TestReconcileImagePolicyEvaluates(t *testing.T) {
	s := newServices()
	ready := &resolverv1.ImagePolicyStatus{
		Conditions: isReady(""), LatestRef: &resolverv1.ImageRef{Name: "ghcr.io/x/y", Tag: "5.0.3"},
		Warnings: []string{"1 of 3 tags is no number"},
	}
	s.evaluate = func(r *resolverv1.ReconcileImagePolicyRequest) (*resolverv1.ReconcileImagePolicyResponse, error) {
		status := ready
		if r.GetName() == "empty" {
			status = &resolverv1.ImagePolicyStatus{Conditions: isNotReady("Failure", "version list argument cannot be empty")}
		}
		return &resolverv1.ReconcileImagePolicyResponse{ImagePolicy: &resolverv1.ImagePolicy{Status: status}}, nil
	}
	address := s.serve(t)
	tidemark(t, address, "reconcile", "image", "policy", "app").wants(t, terminal{
		err: "► evaluating ImagePolicy app in flux-system namespace\n⚠ 1 of 3 tags is no number\n✔ selected ref ghcr.io/x/y:5.0.3\n",
	})
	tidemark(t, address, "reconcile", "image", "policy", "empty").wants(t, terminal{
		err:  "► evaluating ImagePolicy empty in flux-system namespace\n✗ version list argument cannot be empty\n",
		code: 1,
	})
}

func TestReconcileImageUpdateShowsTheSteps(t *testing.T) {
	const begin = "► running ImageUpdateAutomation app in flux-system namespace\n"
	for name, test := range map[string]struct {
		steps []string
		run   *updaterv1.Run
		err   error
		want  terminal
	}{
		"a commit": {
			steps: []string{"fetched main at 5f21c2e", "edited 1 file\x1b[2J"},
			run: &updaterv1.Run{
				Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, Branch: "main", Commit: "1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112",
				Changes:  []*updaterv1.RunChange{{Path: "apps/app.yaml", Line: 12, OldValue: "app:7.8.0", NewValue: "app:7.8.1"}},
				Warnings: []string{"apps/old.yaml:3: marker names no policy"},
			},
			want: terminal{err: begin + "◎ fetched main at 5f21c2e\n◎ edited 1 file�[2J\n⚠ apps/old.yaml:3: marker names no policy\n" +
				"✔ apps/app.yaml:12 app:7.8.0 → app:7.8.1\n✔ committed revision main@sha1:1f3a9c2d\n"},
		},
		"nothing to do": {
			run:  &updaterv1.Run{Outcome: updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE},
			want: terminal{err: begin + "✔ no updates made; repository up-to-date\n"},
		},
		"a run that failed": {
			steps: []string{"fetched main at 5f21c2e"},
			run:   &updaterv1.Run{Outcome: updaterv1.RunOutcome_RUN_OUTCOME_FAILED, Message: "push failed: the branch is protected"},
			want:  terminal{err: begin + "◎ fetched main at 5f21c2e\n✗ push failed: the branch is protected\n", code: 1},
		},
		"a refusal": {
			err:  rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED, "app is suspended; resume it first"),
			want: terminal{err: begin + "✗ app is suspended; resume it first\n", code: 1},
		},
		"no end": {
			want: terminal{err: begin + "✗ the server ended the run without saying how it went; see `tidemark get image update`\n", code: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServices()
			s.run = func(stream grpc.ServerStreamingServer[updaterv1.RunImageUpdateAutomationResponse]) error {
				for _, step := range test.steps {
					event := &updaterv1.RunImageUpdateAutomationResponse_Step{Step: &updaterv1.RunStep{Message: step}}
					if err := stream.Send(&updaterv1.RunImageUpdateAutomationResponse{Event: event}); err != nil {
						return err
					}
				}
				if test.run == nil {
					return test.err
				}
				return stream.Send(&updaterv1.RunImageUpdateAutomationResponse{
					Event: &updaterv1.RunImageUpdateAutomationResponse_Run{Run: test.run},
				})
			}
			tidemark(t, s.serve(t), "reconcile", "image", "update", "app").wants(t, test.want)
		})
	}
}

func TestReconcileWantsOneName(t *testing.T) {
	tidemark(t, "", "reconcile", "image", "policy").wants(t, terminal{err: "✗ ImagePolicy name is required\n", code: 1})
	tidemark(t, "", "reconcile", "image", "policy", "a", "b").wants(t,
		terminal{err: "✗ one ImagePolicy at a time: 2 names are given\n", code: 1})
}
