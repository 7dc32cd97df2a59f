// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

// ago is a time that is shown the same for half a minute.
func ago(minutes int) *timestamppb.Timestamp {
	return timestamppb.New(time.Now().Add(-time.Duration(minutes)*time.Minute - 20*time.Second))
}

func conditionAt(minutes int, c *metav1.Condition) []*metav1.Condition {
	c.LastTransitionTime = ago(minutes)
	return []*metav1.Condition{c}
}

// eventful are services in which things happened, from 300 to 15 minutes ago.
func eventful() *services {
	s := newServices()
	s.repositories = newShelf([]*scannerv1.ImageRepository{{
		Metadata: metadata("flux-system", "app", nil),
		Status: &scannerv1.ImageRepositoryStatus{
			Conditions:     conditionAt(120, isReady("successful scan: found 2 tags")[0]),
			LastScanResult: &scannerv1.ScanResult{TagCount: 2, Revision: "sha256:1"},
		},
	}, {
		Metadata: metadata("tenants", "broken", nil),
		Status: &scannerv1.ImageRepositoryStatus{
			Conditions: conditionAt(100, isNotReady("ReadOperationFailed", "scan failed: 503")[0]),
		},
	}})
	s.tags = &tagged{tags: []*scannerv1.Tag{
		{Name: "7.8.1", FirstSeenTime: ago(30)},
		{Name: "7.8.0", FirstSeenTime: ago(300), Initial: true},
	}}
	s.policies = newShelf([]*resolverv1.ImagePolicy{{
		Metadata: metadata("flux-system", "app", nil),
		Status:   &resolverv1.ImagePolicyStatus{Conditions: conditionAt(29, isReady("Latest image tag for ghcr.io/x/app resolved to 7.8.1")[0])},
		Override: &metav1.Override{Hold: &metav1.Hold{Tag: "7.8.1", Actor: "ops", Reason: "release freeze", Time: ago(20)}},
	}})
	s.automations = newShelf([]*updaterv1.ImageUpdateAutomation{{
		Metadata: metadata("flux-system", "app", nil),
		Status:   &updaterv1.ImageUpdateAutomationStatus{LastAutomationRunTime: ago(28)},
		Override: &metav1.Override{Suspension: &metav1.Suspension{Actor: "alice", Reason: "audit", Time: ago(15)}},
	}})
	s.listRuns = func(*updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
		return &updaterv1.ListRunsResponse{Runs: []*updaterv1.Run{
			{Id: "2", Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, EndTime: ago(28), Message: "pushed commit '1f3a9c2' to branch 'main'"},
			{
				Id: "1", Outcome: updaterv1.RunOutcome_RUN_OUTCOME_FAILED, EndTime: ago(50), Message: "push failed: the branch is protected",
				Repetitions: 2, FirstStartTime: ago(70),
			},
		}}, nil
	}
	return s
}

func TestEventsAreMergedInTheOrderOfTime(t *testing.T) {
	address := eventful().serve(t)
	for file, args := range map[string][]string{
		"all.txt":     {"-A"},
		"default.txt": nil,
		"policy.txt":  {"--for", "imagepolicy.image.toolkit.fluxcd.io/app", "--no-header"},
		"warning.txt": {"-A", "--types", "warning"},
	} {
		t.Run(file, func(t *testing.T) {
			got := tidemark(t, address, append([]string{"events"}, args...)...)
			if got.code != 0 || got.err != "" {
				t.Fatalf("got %+v", got)
			}
			golden(t, "events/"+file, got.out)
		})
	}
}

func TestEventsAreBounded(t *testing.T) {
	got := tidemark(t, eventful().serve(t), "events", "--limit", "1", "--no-header")
	got.wants(t, terminal{
		out: "15m\tNormal\tSuspended\tImageUpdateAutomation/app\tsuspended by alice: audit\n",
		err: "⚠ 6 earlier events left out; see --limit\n",
	})
}

func TestEventsSayWhatIsNotThere(t *testing.T) {
	address := eventful().serve(t)
	for want, args := range map[string][]string{
		"✗ ImagePolicy object 'x' not found in \"flux-system\" namespace\n":                                       {"--for", "ImagePolicy/x"},
		"✗ --for Pod/x: a kind is ImageRepository, Receiver, ImagePolicy, GitRepository, ImageUpdateAutomation\n": {"--for", "Pod/x"},
		"✗ --for ImagePolicy: an object is KIND/NAME, for example ImageRepository/podinfo\n":                      {"--for", "ImagePolicy"},
		"✗ --types bad: a type is Normal or Warning\n":                                                            {"--types", "bad"},
		"✗ --limit is a number from 1 to 10000\n":                                                                 {"--limit", "0"},
	} {
		tidemark(t, address, append([]string{"events"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
	tidemark(t, address, "events", "-n", "empty").wants(t,
		terminal{err: "⚠ nothing is known to have happened in \"empty\" namespace\n"})
}

func TestEventsGoOn(t *testing.T) {
	s := eventful()
	address := s.serve(t)
	w := start(t, "events", "--watch", "--for", "ImagePolicy/app", "--no-header", "--server", address)
	text := tidemark(t, address, "events", "--for", "ImagePolicy/app", "--no-header").out
	w.shows(t, text)
	policy := proto.CloneOf(s.policies.objects["flux-system/app"])
	s.policies.changes <- proto.CloneOf(policy) // nothing happened
	policy.Status.Conditions = conditionAt(0, isNotReady("DependencyNotReady", "away")[0])
	policy.Status.Conditions[0].LastTransitionTime = timestamppb.New(time.Now().Add(time.Minute)) // a server's clock
	s.policies.changes <- policy
	text += "0s \tWarning\tDependencyNotReady\tImagePolicy/app\taway\n"
	w.shows(t, text)
	s.policies.changes <- &metav1.ObjectDeleted{Namespace: "flux-system", Name: "app"}
	w.contains(t, "Deleted")
	if code := w.stop(); code != 0 || strings.Contains(w.text.String(), "✗") {
		t.Errorf("exit code %d, written\n%s", code, w.text.String())
	}
}

// contains waits until what was written has some text.
func (l *live) contains(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		got := l.text.String()
		l.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-l.wrote:
		case <-deadline:
			t.Fatalf("written so far\n%s", got)
		}
	}
}

// tagged has the same tags for every repository.
type tagged struct {
	scannerv1.UnimplementedTagServiceServer
	tags []*scannerv1.Tag
}

func (s *tagged) ListTags(context.Context, *scannerv1.ListTagsRequest) (*scannerv1.ListTagsResponse, error) {
	return &scannerv1.ListTagsResponse{Tags: s.tags}, nil
}
