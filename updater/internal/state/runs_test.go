// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

const (
	pushed   = updaterv1.RunOutcome_RUN_OUTCOME_PUSHED
	upToDate = updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE
	failed   = updaterv1.RunOutcome_RUN_OUTCOME_FAILED
)

var began = time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)

// fixture is a store with automations in it.
type fixture struct {
	testing.TB
	st          *store.Store
	automations *state.Automations
	*state.Runs
}

func open(tb testing.TB, names ...string) *fixture {
	tb.Helper()
	f := &fixture{TB: tb, st: storetest.Open(tb)}
	f.automations = state.NewAutomations(f.st, grpctest.Telemetry(tb, nil).Logger())
	f.Runs = state.NewRuns(f.st, f.automations)
	for _, name := range names {
		f.create(name)
	}
	return f
}

func (f *fixture) create(name string) {
	f.Helper()
	_, _, err := f.automations.Apply(f.Context(), &updaterv1.ImageUpdateAutomation{
		Metadata: &metav1.ObjectMeta{Name: name}, Spec: &updaterv1.ImageUpdateAutomationSpec{Interval: durationpb.New(1)},
	}, object.ApplyOptions{})
	f.must(err)
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// run is one that ended so. Ids rise with n.
func run(n int, outcome updaterv1.RunOutcome) *updaterv1.Run {
	at := began.Add(time.Duration(n) * time.Minute)
	r := &updaterv1.Run{
		Id: fmt.Sprintf("%06d", n), Trigger: updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL, Outcome: outcome, Branch: "main", Url: "https://git/r",
		StartTime: timestamppb.New(at), EndTime: timestamppb.New(at.Add(time.Second)), Base: "base", Message: outcome.String(),
	}
	if outcome == pushed {
		r.Commit = "commit " + r.GetId()
	}
	return r
}

// unended is a run as it is recorded before its push.
func unended(n int) *updaterv1.Run {
	r := run(n, pushed)
	r.EndTime, r.Outcome = nil, updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED
	return r
}

func (f *fixture) begin(key object.Key, runs ...*updaterv1.Run) {
	f.Helper()
	var records []state.Record
	for _, r := range runs {
		records = append(records, state.Record{Key: key, Run: r})
	}
	f.must(f.Begin(f.Context(), records))
}

// end writes a run's end as run.Runner does: in a transaction with the status.
func (f *fixture) end(key object.Key, r *updaterv1.Run) {
	f.Helper()
	ops, err := f.EndOps(f.Context(), key, r)
	f.must(err)
	_, err = f.automations.UpdateStatus(f.Context(), key, "", func(*updaterv1.ImageUpdateAutomation) error { return nil }, ops...)
	f.must(err)
}

func (f *fixture) ids(key object.Key) string {
	f.Helper()
	runs, err := f.Newest(f.Context(), key)
	f.must(err)
	return ids(runs)
}

func ids(runs []*updaterv1.Run) string {
	var list []string
	for _, r := range runs {
		list = append(list, strings.TrimLeft(r.GetId(), "0"))
	}
	return strings.Join(list, " ")
}

func (f *fixture) unfinished(key object.Key) string {
	f.Helper()
	runs, err := f.Unfinished(f.Context(), key)
	f.must(err)
	return ids(runs)
}

func TestARecordIsOpenUntilNothingIsLeftToDo(t *testing.T) {
	f := open(t, "web", "web2")
	web, other := object.KeyOf("", "web"), object.KeyOf("", "web2")
	f.begin(web, unended(1))
	f.begin(web, unended(2))
	f.begin(other, unended(1))
	if got := f.unfinished(web); got != "1 2" {
		t.Errorf("begun: %s", got)
	}
	f.end(web, run(1, pushed))
	refused := run(2, pushed)
	refused.SecondPush = &updaterv1.SecondPush{Ref: "refs/for/main", Problem: "refused"}
	f.end(web, refused)
	if got, err := f.Commits(t.Context(), web, "main"); err != nil || !cmp.Equal(got, []string{"commit 000002", "commit 000001"}) {
		t.Errorf("commits: %v, %v", got, err)
	}
	if got, err := f.Commits(t.Context(), web, "other"); err != nil || len(got) != 0 {
		t.Errorf("commits of another branch: %v, %v", got, err)
	}
	if got := f.unfinished(web); got != "2" {
		t.Errorf("with a second push to do: %s", got)
	}
	f.end(other, run(1, failed))
	if with, err := f.WithUnfinished(t.Context()); err != nil || !cmp.Equal(with, map[object.Key]bool{web: true}) {
		t.Errorf("with unfinished: %v, %v", with, err)
	}
	refused.SecondPush.Time = timestamppb.Now()
	f.end(web, refused)
	f.begin(web, unended(3))
	f.must(f.Drop(t.Context(), web, unended(3).GetId()))
	f.must(f.Drop(t.Context(), web, "never there"))
	if with, err := f.WithUnfinished(t.Context()); err != nil || len(with) != 0 || f.unfinished(web) != "" {
		t.Errorf("with unfinished: %v, %v", with, err)
	}
	if got := f.ids(web); got != "2 1" {
		t.Errorf("recorded: %s", got)
	}
}

func TestRecordsAreOfAutomationsThatAreThere(t *testing.T) {
	f := open(t, "web", "web2")
	web, other, none := object.KeyOf("", "web"), object.KeyOf("", "web2"), object.KeyOf("apps", "gone")
	err := f.Begin(t.Context(), []state.Record{{Key: web, Run: unended(1)}, {Key: none, Run: unended(2)}, {Key: other, Run: unended(3)}})
	if !errors.Is(err, object.ErrNotFound) || !strings.Contains(err.Error(), none.String()) {
		t.Errorf("%v", err)
	}
	if with, err := f.WithUnfinished(t.Context()); err != nil || len(with) != 0 || f.ids(web) != "" {
		t.Errorf("a transaction that failed left %v, %v", with, err)
	}
	f.begin(web, unended(1))
	f.begin(other, unended(1))
	f.must(f.automations.Delete(t.Context(), web, f.DropAllOps(web)...))
	if f.ids(web) != "" || f.unfinished(web) != "" || f.ids(other) != "1" || f.unfinished(other) != "1" {
		t.Errorf("after the deletion: %q, %q", f.ids(web), f.ids(other))
	}
	if keys := f.keys("/runs"); len(keys) != 4 {
		t.Errorf("left over: %v", keys)
	}
}

// keys are those with this prefix, within the updater's.
func (f *fixture) keys(prefix string) []string {
	f.Helper()
	resp, err := f.st.Client().Get(f.Context(), f.st.Scoped(state.Service).Prefix()+prefix, clientv3.WithPrefix())
	f.must(err)
	var keys []string
	for _, kv := range resp.Kvs {
		keys = append(keys, string(kv.GetKey()))
	}
	return keys
}

func TestManyAndLargeRecordsTakeSeveralTransactions(t *testing.T) {
	f := open(t, "web")
	web := object.KeyOf("", "web")
	many := make([]*updaterv1.Run, 0, 200)
	for i := range 200 {
		many = append(many, unended(i))
	}
	f.begin(web, many...)
	large := []*updaterv1.Run{withChanges(unended(300), 3000), withChanges(unended(301), 3000), withChanges(unended(302), 3000)}
	f.begin(web, large...)
	runs, err := f.Newest(t.Context(), web)
	f.must(err)
	if len(runs) != 203 || len(runs[0].GetChanges()) != 3000 {
		t.Errorf("%d recorded", len(runs))
	}
	err = f.Begin(t.Context(), []state.Record{
		{Key: web, Run: withChanges(unended(400), 3000)}, {Key: web, Run: withChanges(unended(401), 3000)}, {Key: object.KeyOf("", "gone"), Run: unended(402)},
	})
	if !errors.Is(err, object.ErrNotFound) || !strings.HasPrefix(f.ids(web), "302 301 300 199") {
		t.Errorf("several transactions, the last of which failed: %v, %.30s", err, f.ids(web))
	}
	huge := withChanges(unended(500), 12000)
	huge.CommitMessage = strings.Repeat("ä", 1<<20)
	f.begin(web, huge)
	runs, _, err = f.Page(t.Context(), web, nil, 1, "")
	f.must(err)
	if got := runs[0]; proto.Size(got) > 1200<<10 || proto.Size(got) < 900<<10 || len(got.GetCommitMessage()) != 64<<10 {
		t.Errorf("a record of %d bytes, %d changes", proto.Size(got), len(got.GetChanges()))
	}
}

// withChanges gives a run changes of about 250 bytes each.
func withChanges(r *updaterv1.Run, n int) *updaterv1.Run {
	for i := range n {
		r.Changes = append(r.Changes, &updaterv1.RunChange{
			Path: fmt.Sprintf("clusters/production/apps/team-%d/service-%d/deployment.yaml", i%20, i), Line: 24,
			Node: "spec.template.spec.containers[0].image", Object: fmt.Sprintf("Deployment/team-%d/service-%d", i%20, i),
			Setter: "flux-system:app", OldValue: "registry.example.com/team/app:1.0.0", NewValue: "registry.example.com/team/app:1.0.1",
			PolicyGeneration: 3,
		})
	}
	return r
}

func TestRunsThatSayTheSameAreOneRecord(t *testing.T) {
	web := object.KeyOf("", "web")
	held := func(r *updaterv1.Run, value string) *updaterv1.Run {
		r.Held = []*updaterv1.HeldValue{{Reason: updaterv1.HoldReason_HOLD_REASON_DOWNGRADE, Path: "a.yaml", Value: value}}
		return r
	}
	change := func(r *updaterv1.Run, f func(*updaterv1.Run)) *updaterv1.Run { f(r); return r }
	for _, test := range []struct {
		name string
		runs []*updaterv1.Run
		want string
	}{
		{"up-to-date", []*updaterv1.Run{run(1, upToDate), run(2, upToDate), run(3, upToDate)}, "3"},
		{"failed for one reason", []*updaterv1.Run{run(1, failed), run(2, failed)}, "2"},
		{"failed with a commit each, which was refused", []*updaterv1.Run{
			change(run(1, failed), func(r *updaterv1.Run) { r.Commit = "a" }), change(run(2, failed), func(r *updaterv1.Run) { r.Commit = "b" }),
		}, "2"},
		{"one outcome and another", []*updaterv1.Run{run(1, failed), run(2, upToDate)}, "2 1"},
		{"a commit in between", []*updaterv1.Run{run(1, upToDate), run(2, pushed), run(3, upToDate)}, "3 2 1"},
		{"commits", []*updaterv1.Run{run(1, pushed), run(2, pushed)}, "2 1"},
		{"another sentence", []*updaterv1.Run{run(1, failed), change(run(2, failed), func(r *updaterv1.Run) { r.Message = "refused" })}, "2 1"},
		{"another trigger", []*updaterv1.Run{run(1, upToDate), change(run(2, upToDate), func(r *updaterv1.Run) {
			r.Trigger = updaterv1.RunTrigger_RUN_TRIGGER_REQUEST
		})}, "2 1"},
		{"another base", []*updaterv1.Run{run(1, upToDate), change(run(2, upToDate), func(r *updaterv1.Run) { r.Base = "b" })}, "2 1"},
		{"another warning", []*updaterv1.Run{run(1, upToDate), change(run(2, upToDate), func(r *updaterv1.Run) { r.Warnings = []string{"w"} })}, "2 1"},
		{"the same held", []*updaterv1.Run{held(run(1, upToDate), "1"), held(run(2, upToDate), "1")}, "2"},
		{"another one held", []*updaterv1.Run{held(run(1, upToDate), "1"), held(run(2, upToDate), "2")}, "2 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := open(t, "web")
			for _, r := range test.runs {
				given := proto.CloneOf(r)
				f.end(web, r)
				if diff := cmp.Diff(given, r, protocmp.Transform()); diff != "" {
					t.Errorf("the caller's run has changed: %s", diff)
				}
			}
			if got := f.ids(web); got != test.want {
				t.Errorf("recorded %s, want %s", got, test.want)
			}
			kept, err := f.Newest(t.Context(), web)
			f.must(err)
			if n := len(test.runs) - len(kept); n > 0 && (kept[0].GetRepetitions() != int32(n) ||
				!kept[0].GetFirstStartTime().AsTime().Equal(test.runs[0].GetStartTime().AsTime())) {
				t.Errorf("counted %d since %v", kept[0].GetRepetitions(), kept[0].GetFirstStartTime().AsTime())
			}
			if keys := f.keys("/runs-"); len(keys) != len(kept)+1 {
				t.Errorf("keys: %v", keys)
			}
		})
	}
	t.Run("a lost race that ended in nothing", func(t *testing.T) {
		f := open(t, "web")
		f.end(web, run(1, upToDate))
		f.begin(web, unended(2))
		f.end(web, run(2, upToDate))
		if got := f.ids(web); got != "2" || f.unfinished(web) != "" {
			t.Errorf("recorded %s, unfinished %s", got, f.unfinished(web))
		}
	})
	t.Run("an open record is no run that says anything", func(t *testing.T) {
		f := open(t, "web")
		f.begin(web, unended(1))
		f.end(web, run(2, upToDate))
		if got := f.ids(web); got != "2 1" || f.unfinished(web) != "1" {
			t.Errorf("recorded %s, unfinished %s", got, f.unfinished(web))
		}
	})
}

func TestOfRunsWithAndWithoutACommitTheLastFiftyStay(t *testing.T) {
	f := open(t, "web", "web2")
	web, other := object.KeyOf("", "web"), object.KeyOf("", "web2")
	f.begin(other, run(1, pushed))
	var commits, others []int
	for i := 1; i <= 120; i++ {
		switch {
		case i == 3:
			f.begin(web, unended(i))
			commits = append(commits, i)
		case i%2 == 0:
			f.begin(web, run(i, pushed))
			commits = append(commits, i)
		default:
			refused := run(i, failed) // as many different ones as there are, with commits
			refused.Message, refused.Commit = fmt.Sprint(i), fmt.Sprint(i)
			f.end(web, refused)
			others = append(others, i)
		}
	}
	f.must(f.Prune(t.Context(), web))
	kept := append(slices.Clone(commits[len(commits)-50:]), others[len(others)-50:]...)
	kept = append(kept, 3) // open
	slices.Sort(kept)
	slices.Reverse(kept)
	if got, want := f.ids(web), strings.Trim(fmt.Sprint(kept), "[]"); got != want {
		t.Errorf("kept\n%s, want\n%s", got, want)
	}
	if keys := f.keys("/runs-index/" + web.String() + "/"); len(keys) != len(kept) || f.ids(other) != "1" {
		t.Errorf("%d heads", len(keys))
	}
	f.end(web, run(3, pushed))
	f.must(f.Prune(t.Context(), web))
	if got := f.ids(web); strings.HasSuffix(got, " 3") {
		t.Errorf("kept %s", got)
	}
}

func TestRunsComeInPages(t *testing.T) {
	f := open(t, "web")
	web := object.KeyOf("", "web")
	for i := 1; i <= 25; i++ {
		r := run(i, []updaterv1.RunOutcome{pushed, failed, upToDate}[i%3])
		r.Base = fmt.Sprint(i)
		f.end(web, r)
	}
	for _, test := range []struct {
		name     string
		outcomes []updaterv1.RunOutcome
		size     int
		want     []string
	}{
		{"all at once", nil, 0, []string{"25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1"}},
		{"ten at once", nil, 10, []string{"25 24 23 22 21 20 19 18 17 16", "15 14 13 12 11 10 9 8 7 6", "5 4 3 2 1"}},
		{"one outcome", []updaterv1.RunOutcome{pushed}, 5, []string{"24 21 18 15 12", "9 6 3"}},
		{"two outcomes, a page that is just full", []updaterv1.RunOutcome{failed, upToDate}, 17, []string{"25 23 22 20 19 17 16 14 13 11 10 8 7 5 4 2 1"}},
		{"none such", []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED}, 5, []string{""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			token := ""
			var got []string
			for len(got) == 0 || token != "" {
				page, next, err := f.Page(t.Context(), web, test.outcomes, test.size, token)
				f.must(err)
				got, token = append(got, ids(page)), next
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("of large records a page holds fewer", func(t *testing.T) {
		f := open(t, "web")
		for i := range 40 {
			f.begin(web, withChanges(run(i+1, pushed), 4000))
		}
		page, token, err := f.Page(t.Context(), web, nil, 40, "")
		f.must(err)
		rest, last, err := f.Page(t.Context(), web, nil, 40, token)
		f.must(err)
		if len(page) >= 40 || len(page)+len(rest) != 40 || last != "" {
			t.Errorf("%d and %d", len(page), len(rest))
		}
	})
	t.Run("a token whose run is gone", func(t *testing.T) {
		f.must(f.Drop(t.Context(), web, "000020"))
		if page, _, err := f.Page(t.Context(), web, nil, 2, "000020"); err != nil || ids(page) != "19 18" {
			t.Errorf("%s, %v", ids(page), err)
		}
	})
}
