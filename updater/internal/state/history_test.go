// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"sync"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// placeOf is where withChanges writes.
func placeOf(i int) guard.Place {
	return guard.Place{
		Path: fmt.Sprintf("clusters/production/apps/team-%d/service-%d/deployment.yaml", i%20, i),
		Node: "spec.template.spec.containers[0].image",
	}
}

// writing is a run that pushed one change.
func writing(n int, old, now string, generation int64) *updaterv1.Run {
	r := run(n, pushed)
	r.Changes = []*updaterv1.RunChange{{
		Path: "a.yaml", Document: 1, Node: "tag", OldValue: old, NewValue: now, PolicyGeneration: generation,
	}}
	return r
}

// holding is a run that held one change.
func holding(n int, generation int64, reason updaterv1.HoldReason) *updaterv1.Run {
	r := run(n, upToDate)
	r.Held = []*updaterv1.HeldValue{{Reason: reason, Path: "a.yaml", Document: 1, Node: "tag", PolicyGeneration: generation}}
	return r
}

var place = guard.Place{Path: "a.yaml", Document: 1, Node: "tag"}

func TestHistoryTellsWhatFinishedRunsWroteAndRefused(t *testing.T) {
	f := open(t, "web", "web2")
	web := object.KeyOf("", "web")
	const down = updaterv1.HoldReason_HOLD_REASON_DOWNGRADE
	for i, step := range []struct {
		name    string
		do      func()
		writes  string
		refused int64
	}{
		{"nothing yet", func() {}, "", 0},
		{"not compared is no refusal", func() { f.end(web, holding(1, 1, updaterv1.HoldReason_HOLD_REASON_NOT_COMPARED)) }, "", 0},
		{"refused", func() { f.end(web, holding(2, 2, down)) }, "", 2},
		{"refused again", func() { f.end(web, holding(3, 2, down)) }, "", 2},
		{"refused for another generation: the oldest counts", func() { f.end(web, holding(4, 3, down)) }, "", 2},
		{"begun", func() { f.begin(web, unended(5)) }, "", 2},
		{"pushed", func() { f.end(web, writing(5, "1", "2", 4)) }, "1>2", 0},
		{"of another automation", func() { f.end(object.KeyOf("", "web2"), writing(6, "8", "9", 4)) }, "1>2", 0},
		{"failed after its commit", func() {
			r := writing(7, "2", "3", 4)
			r.Outcome = failed
			f.end(web, r)
		}, "1>2", 0},
		{"pushed again", func() { f.end(web, writing(8, "2", "3", 4)) }, "2>3 1>2", 0},
		{"the second push of it was made", func() {
			r := writing(8, "2", "3", 4)
			r.SecondPush = &updaterv1.SecondPush{Time: r.GetEndTime()}
			f.end(web, r)
		}, "2>3 1>2", 0},
		{"refused since", func() { f.end(web, holding(9, 5, down)) }, "2>3 1>2", 5},
		{"the older one is dropped", func() { f.must(f.Drop(t.Context(), web, writing(5, "", "", 0).GetId())) }, "2>3", 5},
		{"the last one is dropped", func() { f.must(f.Drop(t.Context(), web, writing(8, "", "", 0).GetId())) }, "", 2},
		{"deleted and created anew", func() {
			f.must(f.automations.Delete(t.Context(), web, f.DropAllOps(web)...))
			f.create("web")
		}, "", 0},
	} {
		step.do()
		for _, from := range []struct {
			name string
			runs *state.Runs
		}{{"brought up to date", f.Runs}, {"read anew", state.NewRuns(f.st, f.automations)}} {
			h, err := from.runs.History(t.Context(), web)
			f.must(err)
			writes := ""
			for _, w := range h.Writes(place) {
				writes += fmt.Sprintf(" %s>%s", w.Old, w.New)
			}
			generation, ok := h.Refused(place)
			if writes = trim(writes); writes != step.writes || generation != step.refused || ok != (step.refused != 0) {
				t.Errorf("%d %s, %s: wrote %q, want %q; refused %d, want %d", i, step.name, from.name, writes, step.writes, generation, step.refused)
			}
		}
	}
}

func trim(s string) string {
	if s == "" {
		return s
	}
	return s[1:]
}

func TestAWriteTellsWhoseItWas(t *testing.T) {
	f := open(t, "web")
	web := object.KeyOf("", "web")
	r := writing(5, "1", "2", 4)
	f.end(web, r)
	h, err := f.History(t.Context(), web)
	f.must(err)
	want := guard.Write{
		RunID: "000005", Commit: "commit 000005", Base: "base", Branch: "main", URL: "https://git/r", Ended: r.GetEndTime().AsTime(),
		Old: "1", New: "2", PolicyGeneration: 4,
	}
	if got := h.Writes(place); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
	if got := h.Writes(guard.Place{Path: "a.yaml", Node: "tag"}); got != nil {
		t.Errorf("of another document: %+v", got)
	}
}

func TestHistoryIsReadWhileRunsEnd(t *testing.T) {
	f := open(t, "web", "web2")
	keys := []object.Key{object.KeyOf("", "web"), object.KeyOf("", "web2")}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for _, key := range keys {
		writers.Go(func() {
			for i := range 60 {
				f.begin(key, unended(i))
				f.end(key, writing(i, fmt.Sprint(i), fmt.Sprint(i+1), 1))
				f.must(f.Prune(t.Context(), key))
			}
		})
		for range 2 {
			readers.Go(func() {
				for ended := false; !ended; {
					select {
					case <-done:
						ended = true
					default:
					}
					h, err := f.History(t.Context(), key)
					f.must(err)
					last := ""
					for i, w := range h.Writes(place) {
						if i > 0 && w.New != last {
							t.Errorf("the chain is broken: %s and then %s", w.New, last)
						}
						last = w.Old
					}
					_, _, err = f.Page(t.Context(), key, nil, 20, "")
					f.must(err)
					_, err = f.WithUnfinished(t.Context())
					f.must(err)
				}
			})
		}
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for _, key := range keys {
		h, err := f.History(t.Context(), key)
		f.must(err)
		if got := h.Writes(place); len(got) != 50 || got[0].New != "60" || f.unfinished(key) != "" {
			t.Errorf("%d writes", len(got))
		}
	}
}
