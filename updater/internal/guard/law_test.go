// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/updater/internal/guard"
)

// world is one marked value and all that happens to it: an automation that writes what the guard lets through, people who
// revert, rewind, write what they like and move policies to and fro.
type world struct {
	rng        *rand.Rand
	now        time.Time
	log        []string
	value      int
	policy     int
	generation int64
	writes     []guard.Write // the last one first
	refused    []int64       // since the last write
	commits    []commit      // of the branch, the first one first
	gone       map[string]bool
	released   time.Time
	allow      bool
	held       bool
	// undone is what somebody has undone since the automation last wrote: told by what was done, not by what is recorded.
	undone map[int]bool
	// ever is what was in any commit that was undone since the last release.
	ever map[int]bool
	made int
}

// commit is one that changed the value.
type commit struct {
	id       string
	ours     bool
	old, now int
	ended    time.Time
}

func (w *world) Writes(guard.Place) []guard.Write { return w.writes }

func (w *world) Refused(guard.Place) (int64, bool) {
	if len(w.refused) == 0 {
		return 0, false
	}
	return w.refused[0], true
}

func (w *world) Contains(_ context.Context, id string) (bool, error) {
	return slices.ContainsFunc(w.commits, func(c commit) bool { return c.id == id }), nil
}

func (w *world) RewoundPast(_ context.Context, write guard.Write) (bool, error) {
	return w.gone[write.Commit], nil
}

func (w *world) say(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) commit(ours bool, value int) string {
	w.made++
	id := fmt.Sprintf("c%d.", w.made)
	w.commits = append(w.commits, commit{id, ours, w.value, value, w.now.Add(time.Second)})
	w.value = value
	return id
}

// ours are the last commits of the automation that nobody has touched since.
func (w *world) ours() int {
	n := 0
	for n < len(w.commits) && w.commits[len(w.commits)-1-n].ours {
		n++
	}
	return n
}

func (w *world) step() {
	w.now = w.now.Add(time.Minute)
	switch w.rng.IntN(12) {
	case 0, 1, 2:
		w.policy = w.rng.IntN(6) * 1000
		w.say("the policy says %d", w.policy)
	case 3:
		w.generation++
		w.say("the policy's spec changes")
	case 4, 5:
		w.undo(func(n int, last []commit) {
			w.commit(false, last[0].old)
			w.say("somebody reverts %d commits", n)
		})
	case 6:
		w.undo(func(n int, last []commit) {
			for _, c := range last {
				w.gone[c.id] = true
			}
			w.commits, w.value = w.commits[:len(w.commits)-n], last[0].old
			w.say("somebody rewinds %d commits", n)
		})
	case 7:
		value := w.rng.IntN(6)*1000 + w.made + 1 // none that was ever there, so that it is no revert by chance
		w.say("somebody writes %d", value)
		w.commit(false, value)
		w.undone = nil
	case 8:
		w.released, w.undone, w.ever = w.now, nil, map[int]bool{}
		w.say("released by force")
	case 9:
		w.allow = w.rng.IntN(3) == 0
		w.held = w.rng.IntN(6) == 0
		w.say("allowDowngrade: %v, held by an operator: %v", w.allow, w.held)
	default:
	}
}

// undo undoes some of our last commits; what they wrote is undone, and so is what was before the first of them.
func (w *world) undo(how func(n int, last []commit)) {
	all := w.ours()
	if all == 0 {
		return
	}
	n := 1 + w.rng.IntN(all)
	last := slices.Clone(w.commits[len(w.commits)-n:])
	if last[0].old == last[n-1].now {
		return // nothing was undone that anybody could see
	}
	undone := map[int]bool{}
	for i, c := range last {
		if c.old == last[0].old {
			undone = maps.Clone(w.undone) // by an earlier rewind
			if undone == nil || !c.ended.After(w.released) {
				undone = map[int]bool{}
			}
			// Where the value was the same again in between, what came before is a closed chapter.
			for _, later := range last[i:] {
				undone[later.now] = c.ended.After(w.released)
			}
		}
	}
	how(n, last)
	w.undone = undone
	for _, c := range last {
		w.ever[c.now] = true
	}
}

func (w *world) run(t *testing.T) {
	t.Helper()
	if w.value == w.policy {
		return
	}
	e := tag("tag", strconv.Itoa(w.value), strconv.Itoa(w.policy))
	e.Policy.Generation, e.Policy.Held = w.generation, w.held
	held, err := guard.New(&numbers{}).Judge(t.Context(), guard.Question{
		Edits: []guard.Edit{e}, Branch: "main", URL: "https://git/r", AllowDowngrade: w.allow, Released: w.released,
		History: w, Ancestry: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	meant := w.allow || w.held
	switch {
	case len(w.writes) > 0:
		meant = meant || w.writes[0].PolicyGeneration != w.generation
	case len(w.refused) > 0:
		meant = meant || w.refused[0] != w.generation
	}
	undone, down := w.undone[w.policy] && !w.held, w.policy < w.value && !meant
	if through := held[0] == nil; through && (undone || down) || !through && !down && !w.ever[w.policy] {
		t.Fatalf("%d to %d is let through: %v (%s); undone: %v, a downgrade that nobody means: %v, after\n%s",
			w.value, w.policy, through, held[0].GetMessage(), undone, down, strings.Join(w.log, "\n"))
	}
	if held[0] != nil {
		if !undone {
			w.refused = append(w.refused, w.generation)
		}
		w.say("the run holds %d", w.policy)
		return
	}
	w.say("the run writes %d over %d", w.policy, w.value)
	old := w.value
	id := w.commit(true, w.policy)
	w.writes = append([]guard.Write{{
		RunID: id, Commit: id, Branch: "main", URL: "https://git/r", Ended: w.now.Add(time.Second),
		Old: strconv.Itoa(old), New: strconv.Itoa(w.policy), PolicyGeneration: w.generation,
	}}, w.writes...)
	w.undone, w.refused = nil, nil
}

// Whatever the history: what is let through was not undone by anybody, and is not older unless somebody means it. What is
// neither older nor was undone at any time is let through.
func TestTheLaw(t *testing.T) {
	for seed := range uint64(2000) {
		w := &world{
			rng: rand.New(rand.NewPCG(seed, 1)), now: before, generation: 1, gone: map[string]bool{}, ever: map[int]bool{},
		}
		for range 40 {
			w.step()
			w.run(t)
		}
	}
}
