// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/run"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
)

func everything() labels.Selector { return labels.Everything() }

// stage is a dispatcher of one group over a runner that notes what it is asked to run. It lives in a synctest bubble.
type stage struct {
	*Dispatcher
	t     *testing.T
	began time.Time
	// takes is how long a run takes; outcome what comes of it for one automation, nil: it succeeds.
	takes   time.Duration
	outcome func(name string) run.Outcome

	mu   sync.Mutex
	runs []string
}

// staged makes a stage whose automations are called so.
func staged(t *testing.T, names ...string) *stage {
	t.Helper()
	s := &stage{t: t, began: time.Now(), takes: 100 * time.Millisecond}
	s.Dispatcher = New(Config{Settle: time.Second, Runner: s})
	s.owner = all{}
	for _, name := range names {
		e := &entry{key: object.KeyOf("", name), spec: spec.Automation{Policies: everything()}, valid: true}
		s.entries[e.key] = e
		s.join(e, "g")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.queue.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return s
}

// Run notes a run as `<begin>: <name> <why>, <name> <why>`, and takes its time.
func (s *stage) Run(_ context.Context, members []run.Member) []run.Outcome {
	var notes []string
	outcomes := make([]run.Outcome, len(members))
	for i, m := range members {
		why := strings.ToLower(strings.TrimPrefix(m.Request.Trigger.String(), "RUN_TRIGGER_"))
		notes = append(notes, m.Key.Name+" "+why)
		if m.Request.Step != nil {
			m.Request.Step("ran " + m.Key.Name)
		}
		if s.outcome != nil {
			outcomes[i] = s.outcome(m.Key.Name)
		}
	}
	s.mu.Lock()
	s.runs = append(s.runs, fmt.Sprintf("%dms: %s", time.Since(s.began).Milliseconds(), strings.Join(notes, ", ")))
	s.mu.Unlock()
	time.Sleep(s.takes)
	return outcomes
}

// at waits for that time of the stage.
func (s *stage) at(ms int) {
	time.Sleep(time.Until(s.began.Add(time.Duration(ms) * time.Millisecond)))
	synctest.Wait()
}

func (s *stage) change() {
	s.PolicyChanged(policies.Change{Key: object.KeyOf("", "app"), After: &policies.Policy{}})
}

// ask asks for a run as RunNow does.
func (s *stage) ask(name string) *waiter {
	s.t.Helper()
	w := &waiter{steps: make(chan *updaterv1.RunStep, maxSteps), done: make(chan run.Outcome, 1)}
	if !s.enqueue(&updaterv1.ImageUpdateAutomation{Metadata: &metav1.ObjectMeta{Name: name}}, w) {
		s.t.Fatal("not taken")
	}
	return w
}

// ran compares all runs until now.
func (s *stage) ran(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.runs, want) {
		s.t.Errorf("ran\n\t%s\nwant\n\t%s", strings.Join(s.runs, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestAChangeAfterAQuietTimeRunsAtOnceAndAllTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b", "c")
		s.change()
		s.at(1200) // 1.1 s after its end
		s.change()
		s.at(60_000)
		s.ran("0ms: a policy, b policy, c policy", "1200ms: a policy, b policy, c policy")
	})
}

func TestABurstMakesTwoRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b")
		for ms := range 60 {
			s.at(50 * ms)
			s.change()
		}
		s.at(60_000)
		s.ran("0ms: a policy, b policy", "3950ms: a policy, b policy") // the last change is of 2950 ms
	})
}

func TestChangesDuringARunAndShortlyAfterGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a")
		s.takes = 3 * time.Second
		s.change()
		s.at(500)
		s.change() // paused for long when the run ends
		s.at(3999)
		s.ran("0ms: a policy", "3000ms: a policy")
		s.at(6900) // 0.9 s after the end of the second
		s.change()
		s.at(7500)
		s.change()
		s.at(60_000)
		s.ran("0ms: a policy", "3000ms: a policy", "8500ms: a policy")
	})
}

func TestChangesThatNeverPauseGatherForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a")
		for ms := range 70 {
			s.at(100 * ms)
			s.change()
		}
		s.ran("0ms: a policy", "5100ms: a policy") // five settle times after the first that gathered
	})
}

func TestSpecsAndRequestsWaitForNoChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b", "c")
		s.change()
		s.at(200)
		s.change() // gathers until 1200
		s.at(300)
		w := s.ask("b")
		s.at(600)
		s.Dispatcher.mu.Lock()
		s.trigger(s.entries[object.KeyOf("", "c")], time.Now(), updaterv1.RunTrigger_RUN_TRIGGER_SPEC)
		s.Dispatcher.mu.Unlock()
		s.at(60_000)
		s.ran("0ms: a policy, b policy, c policy", "300ms: b request", "600ms: c spec", "1200ms: a policy")
		<-w.done
	})
}

func TestARequestRunsWithThoseThatAreDueAndItsStepsGoToWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b", "c", "d")
		first := s.ask("b")
		s.at(50) // during the run
		later, same := s.ask("c"), s.ask("c")
		s.Dispatcher.mu.Lock()
		s.trigger(s.entries[object.KeyOf("", "a")], time.Now(), updaterv1.RunTrigger_RUN_TRIGGER_INTERVAL)
		s.Dispatcher.mu.Unlock()
		s.at(60_000)
		s.ran("0ms: b request", "100ms: a interval, c request")
		for name, w := range map[string]*waiter{"b": first, "c": later, "c too": same} {
			<-w.done
			if got := <-w.steps; got.GetMessage() != "ran "+name[:1] || len(w.steps) != 0 {
				t.Errorf("%s heard %v and %d more", name, got, len(w.steps))
			}
		}
	})
}

func TestWhoFailsIsTriedAgainAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b")
		s.takes = 0
		failures := 2
		s.outcome = func(name string) run.Outcome {
			o := run.Outcome{Interval: time.Hour, Run: &updaterv1.Run{}}
			if name == "a" && failures > 0 {
				failures--
				o.Failure = &run.Error{Kind: run.Failed}
			}
			return o
		}
		s.change()
		s.at(59 * 60_000)
		runs := s.begun()
		if len(runs) != 3 || !strings.HasSuffix(runs[1], ": a retry") || !strings.HasSuffix(runs[2], ": a retry") {
			t.Errorf("ran %v", runs)
		}
		s.at(2 * 60 * 60_000)
		runs = s.begun()[3:]
		for _, name := range []string{"a", "b"} {
			if !slices.ContainsFunc(runs, func(r string) bool { return strings.Contains(r, name+" interval") }) {
				t.Errorf("%s was not run on its interval: %v", name, runs)
			}
		}
	})
}

// reword makes a change in nothing but the words of a policy.
func (s *stage) reword(policy string) {
	p := &policies.Policy{}
	s.PolicyChanged(policies.Change{Key: object.KeyOf("", policy), Before: p, After: p})
}

func TestOtherWordsOfAPolicyRunThoseThatHoldSomethingBecauseOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b")
		s.outcome = func(name string) run.Outcome {
			o := run.Outcome{Run: &updaterv1.Run{}}
			if name == "b" {
				o.Run.Held = []*updaterv1.HeldValue{{Setter: "flux-system:app:tag"}}
			}
			return o
		}
		s.reword("app")
		s.at(10_000)
		s.ran()
		s.change()
		s.at(20_000)
		s.reword("other")
		s.reword("app")
		s.at(30_000)
		s.ran("10000ms: a policy, b policy", "20000ms: b policy")
	})
}

func TestOtherWordsDuringARunAreNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a", "b")
		held := true
		s.outcome = func(name string) run.Outcome {
			o := run.Outcome{Run: &updaterv1.Run{}}
			if name == "b" && held {
				o.Run.Held, held = []*updaterv1.HeldValue{{Setter: "flux-system:app"}}, false
			}
			return o
		}
		s.change()
		s.at(50)
		s.reword("app")
		s.at(60_000)
		s.ran("0ms: a policy, b policy", "1100ms: b policy")
	})
}

func TestWhoIsRegroupedDuringARunBringsItsSettlingAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a")
		s.change()
		s.at(50)
		s.Dispatcher.mu.Lock()
		s.join(s.entries[object.KeyOf("", "a")], "main")
		s.Dispatcher.mu.Unlock()
		s.change()
		s.at(60_000)
		s.ran("0ms: a policy", "1050ms: a policy")
		if len(s.groups) != 1 || s.groups["main"].running != 0 {
			t.Errorf("the groups are %v", s.groups)
		}
	})
}

func TestWhoWaitsForASuspendedOrDeletedAutomationHearsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := staged(t, "a")
		s.outcome = func(string) run.Outcome { return ended(run.Gone) }
		w := s.ask("a")
		s.at(50)
		next := s.ask("a")
		s.take(&updaterv1.ImageUpdateAutomation{Metadata: &metav1.ObjectMeta{Name: "a"}}) // of no change
		s.at(60)
		key := object.KeyOf("", "a")
		s.takeAutomation(object.Event[*updaterv1.ImageUpdateAutomation]{Deleted: &key})
		if outcome := <-next.done; outcome.Failure == nil || outcome.Failure.Kind != run.Gone {
			t.Errorf("who waits for the next run hears %v", outcome)
		}
		if outcome := <-w.done; outcome.Failure == nil {
			t.Errorf("who waits for this run hears %v", outcome)
		}
		s.at(60_000)
		s.ran("0ms: a request")
		if len(s.groups) != 0 {
			t.Errorf("left: %v", s.groups)
		}
	})
}

func TestEachChangeIsFollowedByARunBeforeLong(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a test's
			s := staged(t, "a", "b")
			s.takes = rand.N(2 * time.Second)
			most := maxGather*s.Settle + 2*s.takes
			for range 40 {
				time.Sleep(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
				synctest.Wait()
				s.change()
				changed := len(s.begun())
				when := time.Now()
				go func() {
					time.Sleep(most + time.Millisecond)
					if len(s.begun()) <= changed {
						t.Errorf("seed %d: no run began within %s of the change at %s", seed, most, when.Sub(s.began))
					}
				}()
			}
			time.Sleep(time.Minute)
		})
	}
}

// begun are the runs that have begun.
func (s *stage) begun() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs)
}
