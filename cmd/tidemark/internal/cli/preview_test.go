// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const previewDiff = "diff --git a/apps/app.yaml b/apps/app.yaml\n--- a/apps/app.yaml\n+++ b/apps/app.yaml\n@@ -1 +1 @@\n" +
	"-image: app:1 # {\"$imagepolicy\": \"flux-system:app\"}\n+image: app:2 # {\"$imagepolicy\": \"flux-system:app\"}\n"

func TestPreviewShowsWhatWouldBeCommitted(t *testing.T) {
	s := newServices()
	s.preview = func(r *updaterv1.PreviewImageUpdateAutomationRequest) (*updaterv1.PreviewImageUpdateAutomationResponse, error) {
		switch r.GetNamespace() + "/" + r.GetName() {
		case "flux-system/app":
			return &updaterv1.PreviewImageUpdateAutomationResponse{Diff: previewDiff, Run: &updaterv1.Run{
				Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, Branch: "main", CommitMessage: "chore: update images\n\n\x1b[2Japp:2\n",
				Changes:  []*updaterv1.RunChange{{Path: "apps/app.yaml", Line: 1, Setter: "flux-system:app", OldValue: "app:1", NewValue: "app:2"}},
				Warnings: []string{"apps/chart.yaml: the file is not YAML"},
				Held:     []*updaterv1.HeldValue{{Path: "apps/old.yaml", Line: 3, Value: "app:3", ProposedValue: "app:2"}},
			}}, nil
		case "apps/quiet":
			return &updaterv1.PreviewImageUpdateAutomationResponse{Run: &updaterv1.Run{Outcome: updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE}}, nil
		}
		return nil, rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_GIT_FAILED, "fetch failed: the remote does not answer")
	}
	address := s.serve(t)
	const begin = "► previewing ImageUpdateAutomation app in flux-system namespace\n⚠ apps/chart.yaml: the file is not YAML\n" +
		"⚠ apps/old.yaml:3: held at app:3, though the policy says app:2\n✔ would commit 1 value in 1 file to branch 'main'; nothing was pushed\n"
	shown := terminal{err: begin, out: "    chore: update images\n\n    \ufffd[2Japp:2\n\n" + previewDiff}
	tidemark(t, address, "preview", "image", "update", "app").wants(t, shown)
	shown.code = 2
	tidemark(t, address, "preview", "image", "update", "app", "--exit-code").wants(t, shown)
	quiet := terminal{err: "► previewing ImageUpdateAutomation quiet in apps namespace\n✔ no updates would be made; repository up-to-date\n"}
	tidemark(t, address, "preview", "images", "update", "quiet", "-n", "apps", "--exit-code").wants(t, quiet)
	tidemark(t, address, "preview", "image", "update", "other", "--exit-code").wants(t, terminal{
		err:  "► previewing ImageUpdateAutomation other in flux-system namespace\n✗ fetch failed: the remote does not answer\n",
		code: 1,
	})
	for _, form := range []string{"json", "yaml"} {
		got := tidemark(t, address, "preview", "image", "update", "app", "-o", form)
		if got.code != 0 || got.err != begin {
			t.Errorf("-o %s: exit code %d: %s", form, got.code, got.err)
		}
		golden(t, "preview/preview."+form, got.out)
	}
	tidemark(t, address, "preview", "image", "update").wants(t, terminal{err: "✗ ImageUpdateAutomation name is required\n", code: 1})
	tidemark(t, address, "preview", "image", "update", "a", "-o", "wide").wants(t, terminal{err: "✗ -o wide: the output is json or yaml\n", code: 1})
}
