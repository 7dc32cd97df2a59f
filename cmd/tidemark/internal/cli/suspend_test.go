// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// trio are services with an object of each kind, all called app.
func trio() *services {
	s := newServices()
	s.repositories = newShelf([]*scannerv1.ImageRepository{{Metadata: metadata("flux-system", "app", map[string]string{"team": "web"})}})
	s.policies = newShelf([]*resolverv1.ImagePolicy{{Metadata: metadata("flux-system", "app", nil)}})
	s.sources = newShelf([]*updaterv1.GitRepository{{
		Metadata: metadata("flux-system", "app", nil),
		Status: &updaterv1.GitRepositoryStatus{
			Conditions: isReady("stored artifact"), Artifact: &updaterv1.GitArtifact{Revision: "main@sha1:1f3a"},
		},
	}})
	s.automations = newShelf([]*updaterv1.ImageUpdateAutomation{{Metadata: metadata("flux-system", "app", nil)}})
	s.receivers = newShelf([]*scannerv1.Receiver{{Metadata: metadata("flux-system", "app", nil)}})
	s.scan = func(*scannerv1.ScanImageRepositoryRequest) (*scannerv1.ScanImageRepositoryResponse, error) {
		return &scannerv1.ScanImageRepositoryResponse{Result: &scannerv1.ScanResult{TagCount: 7}}, nil
	}
	s.evaluate = func(*resolverv1.ReconcileImagePolicyRequest) (*resolverv1.ReconcileImagePolicyResponse, error) {
		return &resolverv1.ReconcileImagePolicyResponse{ImagePolicy: &resolverv1.ImagePolicy{Status: &resolverv1.ImagePolicyStatus{
			Conditions: isReady(""), LatestRef: &resolverv1.ImageRef{Name: "ghcr.io/x/app", Tag: "1.0.0"},
		}}}, nil
	}
	s.listRuns = func(*updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
		return &updaterv1.ListRunsResponse{}, nil
	}
	return s
}

func TestSuspendAndResumeOfEachKind(t *testing.T) {
	s := trio()
	var runs atomic.Int32
	s.resumed = func(*updaterv1.ResumeImageUpdateAutomationRequest) { runs.Store(1) }
	s.listRuns = func(*updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
		answer := &updaterv1.ListRunsResponse{}
		switch runs.Load() {
		case 1: // under way: the record of a commit that is being pushed
			runs.Store(2)
			answer.Runs = []*updaterv1.Run{{Id: "1", Commit: "1f3a9c2d"}}
		case 2:
			answer.Runs = []*updaterv1.Run{{
				Id: "1", Commit: "1f3a9c2d1c0e", Branch: "main", EndTime: timestamppb.New(noon),
				Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED,
				Changes: []*updaterv1.RunChange{{Path: "a.yaml", Line: 3, OldValue: "app:1", NewValue: "app:2"}},
			}}
		}
		return answer, nil
	}
	address := s.serve(t)
	for _, test := range []struct{ object, human, kind, result string }{
		{"image repository", "image repository", "ImageRepository", "✔ scan fetched 7 tags\n"},
		{"image policy", "image policy", "ImagePolicy", "✔ selected ref ghcr.io/x/app:1.0.0\n"},
		{"image update", "image update automation", "ImageUpdateAutomation", "✔ a.yaml:3 app:1 → app:2\n✔ committed revision main@sha1:1f3a9c2d\n"},
		{"source git", "source git", "GitRepository", "◎ waiting for GitRepository reconciliation\n✔ GitRepository reconciliation completed\n✔ fetched revision: main@sha1:1f3a\n"},
		{"receiver", "receiver", "Receiver", ""},
	} {
		t.Run(test.object, func(t *testing.T) {
			noun := strings.Fields(test.object)
			tidemark(t, address, append(append([]string{"suspend"}, noun...), "app", "--reason", "freeze")...).wants(t, terminal{
				err: "► suspending " + test.human + " app in flux-system namespace\n✔ " + test.human + " suspended\n",
			})
			got := tidemark(t, address, append(append([]string{"get"}, noun...), "app", "-o", "json")...)
			host, _ := os.Hostname()
			if !strings.Contains(got.out, `"reason": "freeze"`) || !strings.Contains(got.out, "@"+host+`"`) {
				t.Errorf("who and why are not kept: %s", got.out)
			}
			want := "► resuming " + test.human + " app in flux-system namespace\n✔ " + test.human + " resumed\n"
			switch test.kind {
			case "GitRepository":
				want += test.result
			case "Receiver":
			default:
				want += "◎ waiting for " + test.kind + " reconciliation\n" + test.result
			}
			tidemark(t, address, append(append([]string{"resume"}, noun...), "app")...).wants(t, terminal{err: want})
			tidemark(t, address, append(append([]string{"resume"}, noun...), "app")...).wants(t, terminal{
				err: "► resuming " + test.human + " app in flux-system namespace\n✔ " + test.human + " resumed\n⚠ it was not suspended\n",
			})
		})
	}
}

func TestSuspendAllGoesAgainstTheDataAndSparesOthersWords(t *testing.T) {
	s := trio()
	s.repositories.objects["flux-system/theirs"] = &scannerv1.ImageRepository{
		Metadata: metadata("flux-system", "theirs", nil),
		Override: &metav1.Override{Suspension: &metav1.Suspension{Actor: "alice", Reason: "the registry is asleep"}},
	}
	s.policies.objects["flux-system/manifest"] = &resolverv1.ImagePolicy{
		Metadata: metadata("flux-system", "manifest", nil), Spec: &resolverv1.ImagePolicySpec{Suspend: true},
	}
	delete(s.automations.objects, "flux-system/app")
	address := s.serve(t)
	tidemark(t, address, "suspend", "image", "all", "--all").wants(t, terminal{
		err: "► suspending image policy manifest in flux-system namespace\n✔ image policy suspended\n" +
			"► suspending image policy app in flux-system namespace\n✔ image policy suspended\n" +
			"⚠ image repository theirs is left alone: it is suspended by alice already\n" +
			"► suspending image repository app in flux-system namespace\n✔ image repository suspended\n",
	})
	tidemark(t, address, "resume", "image", "policy", "--all").wants(t, terminal{
		err: "► resuming image policy app in flux-system namespace\n✔ image policy resumed\n" +
			"► resuming image policy manifest in flux-system namespace\n✗ manifest is suspended by its manifest as well: apply it without\n" +
			"◎ waiting for ImagePolicy reconciliation\n✔ selected ref ghcr.io/x/app:1.0.0\n",
		code: 1,
	})
	tidemark(t, address, "resume", "images", "all", "app").wants(t, terminal{
		err: "► resuming image repository app in flux-system namespace\n✔ image repository resumed\n" +
			"► resuming image policy app in flux-system namespace\n✔ image policy resumed\n⚠ it was not suspended\n" +
			"◎ waiting for ImageRepository reconciliation\n✔ scan fetched 7 tags\n",
	})
	tidemark(t, address, "resume", "image", "repository", "-l", "team=web").wants(t, terminal{
		err: "► resuming image repository app in flux-system namespace\n✔ image repository resumed\n⚠ it was not suspended\n",
	})
	tidemark(t, address, "resume", "receiver", "--all").wants(t, terminal{err: "✔ nothing is suspended\n"})
}

func TestResumeForceWritesAgainWhatWasUndone(t *testing.T) {
	s := trio()
	old := &updaterv1.Run{Id: "7", StartTime: timestamppb.New(noon), EndTime: timestamppb.New(noon), Outcome: updaterv1.RunOutcome_RUN_OUTCOME_FAILED}
	var forced atomic.Bool
	s.resumed = func(r *updaterv1.ResumeImageUpdateAutomationRequest) { forced.Store(r.GetForce()) }
	s.listRuns = func(*updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
		runs := []*updaterv1.Run{old}
		if forced.Load() { // the record of runs that say the same moves on, with its id
			runs = []*updaterv1.Run{{
				Id: "7", StartTime: timestamppb.New(noon.Add(time.Minute)), EndTime: timestamppb.New(noon.Add(time.Minute)),
				Outcome: updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE,
				Held:    []*updaterv1.HeldValue{{Path: "a.yaml", Line: 3, Message: "app:2 stands, and app:1 is older"}},
			}}
		}
		return &updaterv1.ListRunsResponse{Runs: runs}, nil
	}
	tidemark(t, s.serve(t), "resume", "image", "update", "app", "--force").wants(t, terminal{
		err: "► resuming image update automation app in flux-system namespace\n✔ image update automation resumed\n" +
			"◎ waiting for ImageUpdateAutomation reconciliation\n⚠ a.yaml:3: app:2 stands, and app:1 is older\n" +
			"✔ no updates made; 1 value held\n",
	})
}

func TestSuspendSaysWhatIsNotThere(t *testing.T) {
	address := trio().serve(t)
	for want, args := range map[string][]string{
		"✗ ImagePolicy object 'none' not found in \"flux-system\" namespace\n► suspending image policy app in flux-system namespace\n✔ image policy suspended\n": {"suspend", "image", "policy", "none", "app"},
		"✗ ImageRepository, ImagePolicy, ImageUpdateAutomation object 'none' not found in \"flux-system\" namespace\n":                                           {"suspend", "image", "all", "none"},
		"✗ no ImagePolicy objects found in \"apps\" namespace\n":                                                                                                 {"resume", "image", "policy", "--all", "-n", "apps"},
		"✗ ImagePolicy name is required; for all of the namespace use --all\n":                                                                                   {"suspend", "image", "policy"},
		"✗ object name is required; for all of the namespace use --all\n":                                                                                        {"suspend", "image", "all"},
		"✗ give names, or --all, or --label-selector, but not names and one of the others\n":                                                                     {"resume", "receiver", "a", "--all"},
		"✗ --all and --label-selector exclude each other\n":                                                                                                      {"resume", "receiver", "-l", "a=b", "--all"},
		"✗ unknown flag: --force; see `tidemark resume image policy --help`\n":                                                                                   {"resume", "image", "policy", "app", "--force"},
		"✗ unknown flag: --reason; see `tidemark resume image policy --help`\n":                                                                                  {"resume", "image", "policy", "app", "--reason", "x"},
		"✗ unknown command \"repositry\" for \"tidemark suspend image\"; did you mean repository?\n":                                                             {"suspend", "image", "repositry"},
	} {
		tidemark(t, address, args...).wants(t, terminal{err: want, code: 1})
	}
}
