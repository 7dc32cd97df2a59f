// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const (
	firstCommit  = "1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112"
	secondCommit = "1f3a77771c0e4b5a69788796a5b4c3d2e1f00112"
)

// runsOfADay are runs of each outcome, the last one first.
func runsOfADay() []*updaterv1.Run {
	at := func(minutes int, took time.Duration) (begin, end *timestamppb.Timestamp) {
		begun := noon.Add(time.Duration(minutes) * time.Minute)
		return timestamppb.New(begun), timestamppb.New(begun.Add(took))
	}
	running, _ := at(50, 0)
	failedAt, failedEnd := at(40, 61*time.Second+300*time.Millisecond)
	quietAt, quietEnd := at(30, 6*time.Millisecond+123*time.Microsecond)
	pushedAt, pushedEnd := at(0, 1234*time.Millisecond)
	firstAt, firstEnd := at(-10, 45*time.Microsecond)
	return []*updaterv1.Run{
		{Id: "01F", Trigger: updaterv1.RunTrigger_RUN_TRIGGER_RETRY, StartTime: running, Commit: "beef", Base: secondCommit, Branch: "main"},
		{
			Id: "01E", Trigger: updaterv1.RunTrigger_RUN_TRIGGER_REQUEST, StartTime: failedAt, EndTime: failedEnd,
			Outcome: updaterv1.RunOutcome_RUN_OUTCOME_FAILED, Message: "push failed: the branch is protected\x1b[2J",
		},
		{
			Id: "01D", Trigger: updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL, StartTime: quietAt, EndTime: quietEnd, Repetitions: 11,
			FirstStartTime: pushedEnd, Outcome: updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE, Message: "repository up-to-date",
		},
		{
			Id: "01C", Trigger: updaterv1.RunTrigger_RUN_TRIGGER_POLICY, StartTime: pushedAt, EndTime: pushedEnd,
			Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, Message: "pushed commit '1f3a9c2' to branch 'main'",
			Branch: "main", Base: secondCommit, Commit: firstCommit, Url: "https://git.example.com/team/config.git",
			CommitMessage: "chore: update images\n\nghcr.io/x/app:2.0.0\n", TraceId: "4bf92f3577b34da6a3ce929d0e0e4736",
			Changes: []*updaterv1.RunChange{
				{Path: "apps/app.yaml", Line: 12, Setter: "flux-system:app", OldValue: "ghcr.io/x/app:1.0.0", NewValue: "ghcr.io/x/app:2.0.0"},
				{Path: "apps/kustomization.yaml", Line: 5, Setter: "flux-system:app:tag", OldValue: "1.0.0", NewValue: "2.0.0"},
			},
			Held: []*updaterv1.HeldValue{{
				Path: "apps/old.yaml", Line: 3, Setter: "flux-system:app:tag", Value: "1.0.0", ProposedValue: "2.0.0",
				Reason: updaterv1.HoldReason_HOLD_REASON_REVERTED, Message: "commit 5f21c2e was undone; `tidemark resume image update app --force` writes it again",
			}},
			Warnings:   []string{"apps/chart.yaml: the file is not YAML"},
			SecondPush: &updaterv1.SecondPush{Ref: "refs/heads/staging", Problem: "the branch is protected"},
		},
		{
			Id: "01B", Trigger: updaterv1.RunTrigger_RUN_TRIGGER_SPEC, StartTime: firstAt, EndTime: firstEnd, Commit: secondCommit, Branch: "main",
			Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, Message: "pushed commit '1f3a777' to branch 'main'",
			SecondPush: &updaterv1.SecondPush{Ref: "refs/heads/staging", Time: firstEnd},
		},
	}
}

// recorded are services that know these runs of the automation app, in pages of two.
func recorded(runs []*updaterv1.Run) *services {
	s := newServices()
	s.listRuns = func(r *updaterv1.ListRunsRequest) (*updaterv1.ListRunsResponse, error) {
		if r.GetName() != "app" {
			return nil, rpcerr.New(codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "there is no ImageUpdateAutomation %s", r.GetName())
		}
		wanted := slices.DeleteFunc(slices.Clone(runs), func(run *updaterv1.Run) bool {
			return len(r.GetOutcomes()) > 0 && !slices.Contains(r.GetOutcomes(), run.GetOutcome())
		})
		from, _ := strconv.Atoi(r.GetPageToken())
		answer := &updaterv1.ListRunsResponse{Runs: wanted[from:min(from+2, len(wanted))]}
		if from+2 < len(wanted) {
			answer.NextPageToken = strconv.Itoa(from + 2)
		}
		return answer, nil
	}
	return s
}

func TestHistoryShowsRuns(t *testing.T) {
	address := recorded(runsOfADay()).serve(t)
	for name, args := range map[string][]string{
		"all.txt": nil, "wide.txt": {"-o", "wide"}, "json.json": {"-o", "json", "--limit", "3"}, "yaml.yaml": {"-o", "yaml", "--outcome", "failed"},
		"names.txt": {"-o", "name"}, "pushed.txt": {"--outcome", "pushed,FAILED"}, "limit.txt": {"--limit", "3"},
		"run.txt": {"--run", "01C"}, "commit.txt": {"--run", "1f3a777"}, "run.json": {"--run", "01C", "-o", "json"},
		"running.txt": {"--outcome", "running"}, "no-header.txt": {"--no-header", "--limit", "1"}, "repeated.txt": {"--run", "01D"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tidemark(t, address, append([]string{"history", "image", "update", "app"}, args...)...)
			if got.code != 0 || got.err != "" {
				t.Errorf("exit code %d: %s", got.code, got.err)
			}
			golden(t, "history/"+name, got.out)
		})
	}
}

func TestHistorySaysWhatIsNotThere(t *testing.T) {
	address := recorded(runsOfADay()).serve(t)
	for want, args := range map[string][]string{
		"✗ there is no ImageUpdateAutomation none\n":                        {"none"},
		"✗ ImageUpdateAutomation name is required\n":                        nil,
		"✗ one ImageUpdateAutomation at a time: 2 names are given\n":        {"app", "b"},
		"✗ 2 runs have a commit that begins with '1f3a'; give more of it\n": {"app", "--run", "1f3a"},
		"✗ no recorded run of ImageUpdateAutomation app has the id or the commit '1f3'; `tidemark history image update app -o wide` shows both\n": {"app", "--run", "1f3"},
		"✗ --run shows one run: use it without --limit and --outcome\n":                                                                           {"app", "--run", "1", "--limit", "1"},
		"✗ --limit is a number of runs; it cannot be negative\n":                                                                                  {"app", "--limit", "-1"},
		"✗ --outcome broken: an outcome is failed, pushed, running, up-to-date\n":                                                                 {"app", "--outcome", "broken"},
		"✗ -o xml: the output is wide, name, json or yaml\n":                                                                                      {"app", "-o", "xml"},
	} {
		tidemark(t, address, append([]string{"history", "image", "update"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
	empty := recorded(nil).serve(t)
	tidemark(t, empty, "history", "image", "update", "app").wants(t, terminal{err: "⚠ no runs of ImageUpdateAutomation app are recorded\n"})
	tidemark(t, empty, "history", "image", "update", "app", "-o", "json", "--outcome", "failed").wants(t, terminal{
		err: "⚠ no runs of ImageUpdateAutomation app are recorded that ended so\n", out: "{\n    \"runs\": []\n}\n",
	})
}
