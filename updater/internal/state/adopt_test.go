// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// formatOne writes a record as the version before did.
func (f *fixture) formatOne(key object.Key, r *updaterv1.Run) {
	f.Helper()
	value, err := proto.Marshal(r)
	f.must(err)
	_, err = f.st.Client().Put(f.Context(), f.st.Scoped(state.Service).Prefix()+"/runs/"+key.String()+"/"+r.GetId(), string(value))
	f.must(err)
}

func TestRecordsOfTheVersionBeforeAreTaken(t *testing.T) {
	f := open(t, "web", "web2")
	web, other := object.KeyOf("", "web"), object.KeyOf("", "web2")
	for i := 1; i <= 60; i++ {
		r := withChanges(run(i, pushed), 1)
		if i == 3 {
			r = withChanges(unended(i), 1)
		}
		f.formatOne(web, r)
	}
	if with, err := f.WithUnfinished(t.Context()); err != nil || !cmp.Equal(with, map[object.Key]bool{web: true}) || f.unfinished(web) != "3" {
		t.Errorf("with unfinished: %v, %v", with, err)
	}
	if f.unfinished(other) != "" {
		t.Error("of another automation")
	}
	h, err := f.History(t.Context(), web)
	f.must(err)
	if writes := h.Writes(placeOf(0)); len(writes) != 59 || writes[0].RunID != "000060" {
		t.Errorf("%d writes", len(writes))
	}
	f.must(f.Prune(t.Context(), web))
	if runs, err := f.Newest(t.Context(), web); err != nil || len(runs) != 51 || runs[50].GetId() != "000003" {
		t.Errorf("kept %d: %v", len(runs), err)
	}
	again := state.NewRuns(f.st, f.automations)
	if runs, err := again.Newest(t.Context(), web); err != nil || len(runs) != 51 {
		t.Errorf("the next process finds %d: %v", len(runs), err)
	}
}

func TestReplicasTakeTheRecordsOfTheVersionBeforeAtOnce(t *testing.T) {
	f := open(t, "web")
	web := object.KeyOf("", "web")
	for i := 1; i <= 40; i++ {
		f.formatOne(web, unended(i))
	}
	var replicas sync.WaitGroup
	for range 4 {
		runs := state.NewRuns(f.st, f.automations)
		replicas.Go(func() {
			opened, err := runs.Unfinished(t.Context(), web)
			f.must(err)
			for _, r := range opened { // every replica settles what it sees; none brings a mark back
				ops, err := runs.EndOps(t.Context(), web, run(number(r), pushed))
				f.must(err)
				_, err = f.st.Client().Txn(t.Context()).Then(ops...).Commit()
				f.must(err)
			}
		})
	}
	replicas.Wait()
	if got := f.unfinished(web); got != "" {
		t.Errorf("still open: %s", got)
	}
	if got := f.ids(web); len(strings.Fields(got)) != 40 {
		t.Errorf("recorded: %s", got)
	}
}

func number(r *updaterv1.Run) int {
	n := 0
	for _, c := range r.GetId() {
		n = 10*n + int(c-'0')
	}
	return n
}
