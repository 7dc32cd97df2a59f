// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// large is a run that pushed so many changes. Its texts are its own, as those of a record that was decoded.
func large(n, changes int) *updaterv1.Run {
	r := &updaterv1.Run{Id: fmt.Sprintf("%06d", n), Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED}
	for i := range changes {
		r.Changes = append(r.Changes, &updaterv1.RunChange{
			Path: fmt.Sprintf("clusters/production/apps/service-%d/deployment.yaml", i), Node: strings.Clone("spec.template.spec.containers[0].image"),
			OldValue: fmt.Sprintf("registry.example.com/app:1.0.%d", n), NewValue: fmt.Sprintf("registry.example.com/app:1.0.%d", n+1),
		})
	}
	return r
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) // #nosec G115 -- no heap is that large
}

func TestAHistoryWeighsWhatItTakes(t *testing.T) {
	hs := histories{limit: 1}
	h := hs.of(object.KeyOf("", "web"))
	before := heap()
	for n := range 50 {
		h.learn(large(n, 1000), 1)
	}
	grown := heap() - before
	t.Logf("50 runs of 1,000 changes weigh %d KiB and take %d KiB", h.weight>>10, grown>>10)
	if h.weight < grown*7/10 || h.weight > grown*15/10 {
		t.Errorf("weighs %d, and takes %d", h.weight, grown)
	}
	h.sift(nil)
	if h.weight != 0 || len(h.places) != 0 || len(h.runs) != 0 {
		t.Errorf("forgotten, it weighs %d, with %d places", h.weight, len(h.places))
	}
}

func TestHistoriesThatWereNotAskedForTheLongestAreLetGo(t *testing.T) {
	hs := histories{limit: 1 << 20}
	one, kept := 0, 0
	for n := range 200 {
		h := hs.of(object.KeyOf("", fmt.Sprint(n)))
		h.learn(large(n, 100), 1)
		h.learn(large(n+1, 100), 1)
		hs.weigh(h)
		hs.weigh(hs.of(object.KeyOf("", "0"))) // asked for all the time
		one = h.weight
	}
	for e := hs.recent.Front(); e != nil; e = e.Next() {
		kept += e.Value.(*history).weight
	}
	if kept != hs.weight || kept > hs.limit || kept < hs.limit-2*one || len(hs.known) != hs.recent.Len() {
		t.Errorf("%d kept, which weigh %d and are counted as %d", len(hs.known), kept, hs.weight)
	}
	if hs.known[object.KeyOf("", "0")] == nil || hs.known[object.KeyOf("", "1")] != nil {
		t.Error("the wrong ones were let go")
	}
	huge := hs.of(object.KeyOf("", "huge"))
	for n := range 100 {
		huge.learn(large(n, 100), 1)
	}
	hs.weigh(huge)
	if len(hs.known) != 1 || hs.known[huge.key] == nil {
		t.Errorf("%d beside one that is larger than all may be", len(hs.known))
	}
}
