// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagindex

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

func compile(tb testing.TB, s policy.Spec) *policy.Policy {
	tb.Helper()
	p, err := policy.Compile(s)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func acquire(tb testing.TB, x *Index, p *policy.Policy) (release func()) {
	tb.Helper()
	release, err := x.Acquire(tb.Context(), p)
	if err != nil {
		tb.Error(err)
		return func() {}
	}
	return release
}

func prepare(tb testing.TB, x *Index, p *policy.Policy) *Snapshot {
	tb.Helper()
	s, err := x.Prepare(tb.Context(), p)
	if err != nil {
		tb.Error(err)
		return x.Snapshot()
	}
	return s
}

func semVer(r string) policy.Spec { return policy.Spec{SemVer: &policy.SemVer{Range: r}} }

func filtered(pattern string) policy.Spec {
	return policy.Spec{Alphabetical: &policy.Alphabetical{}, Filter: &policy.Filter{Pattern: pattern}}
}

func TestApplyMakesTheSetThatTheDeltaSays(t *testing.T) {
	x := New()
	steps := []struct {
		name  string
		delta Delta
		want  []string
	}{
		{"the first tags", Delta{Revision: 1, Added: policy.TagsOf([]string{"a", "b"})}, []string{"a", "b"}},
		{"one more, one gone", Delta{Revision: 2, Added: policy.TagsOf([]string{"c"}), Removed: []string{"a"}}, []string{"b", "c"}},
		{"unknown names go", Delta{Revision: 3, Removed: []string{"nope"}}, []string{"b", "c"}},
		{"gone and there again", Delta{Revision: 4, Added: policy.TagsOf([]string{"c"}), Removed: []string{"c"}}, []string{"b", "c"}},
		{"the whole set", Delta{Revision: 5, Whole: true, Added: policy.TagsOf([]string{"c", "d"})}, []string{"c", "d"}},
		{"an empty set", Delta{Revision: 6, Whole: true}, nil},
	}
	for _, step := range steps {
		s := x.Apply(step.delta)
		var got []string
		for tag := range s.Tags() {
			got = append(got, tag.Name)
		}
		if !slices.Equal(got, step.want) || s.Len() != len(step.want) || s.Revision() != step.delta.Revision {
			t.Errorf("%s: got %v at %d, want %v", step.name, got, s.Revision(), step.want)
		}
	}
}

func TestASnapshotStaysWhatItIs(t *testing.T) {
	x, p := New(), compile(t, semVer("*"))
	defer acquire(t, x, p)()
	x.Apply(Delta{Revision: 1, Added: policy.TagsOf([]string{"1.0.0"})})
	old := x.Snapshot()
	x.Apply(Delta{Revision: 2, Added: policy.TagsOf([]string{"2.0.0"}), Removed: []string{"1.0.0"}})
	for s, want := range map[*Snapshot]string{old: "1.0.0", x.Snapshot(): "2.0.0"} {
		if got, err := s.Evaluate(t.Context(), p); err != nil || got.Tag != want {
			t.Errorf("revision %d: got %q, %v; want %q", s.Revision(), got.Tag, err, want)
		}
	}
}

func TestATagTouchesNoViewThatItDoesNotMatterTo(t *testing.T) {
	x, apps, jobs := New(), compile(t, filtered("^app-")), compile(t, filtered("^job-"))
	defer acquire(t, x, apps)()
	defer acquire(t, x, jobs)()
	before := x.Snapshot()
	after := x.Apply(Delta{Revision: 1, Added: policy.TagsOf([]string{"app-1"})})
	if before.views[apps.Ranking().ID()] == after.views[apps.Ranking().ID()] {
		t.Error("the view of the apps did not change")
	}
	if before.views[jobs.Ranking().ID()] != after.views[jobs.Ranking().ID()] {
		t.Error("the view of the jobs changed")
	}
}

func TestPoliciesOfOneRankingShareAViewUntilTheLastIsReleased(t *testing.T) {
	x := New()
	x.Apply(Delta{Revision: 1, Added: policy.TagsOf([]string{"1.0.0"})})
	one, two := compile(t, semVer("1.x")), compile(t, semVer("2.x"))
	releaseOne, releaseTwo := acquire(t, x, one), acquire(t, x, two)
	if n := len(x.Snapshot().views); n != 1 {
		t.Fatalf("%d views for one ranking", n)
	}
	crowd := func() {
		for _, pattern := range []string{"a", "b", "c", "d", "e", "f"} {
			prepare(t, x, compile(t, filtered(pattern)))
		}
	}
	has := func() bool { _, ok := x.Snapshot().views[one.Ranking().ID()]; return ok }
	releaseOne()
	releaseOne() // again: nothing
	crowd()
	if !has() {
		t.Fatal("the view went though a policy holds it")
	}
	releaseTwo()
	crowd()
	if has() {
		t.Error("the view stayed though nobody holds it")
	}
	if n := len(x.Snapshot().views); n != maxIdle {
		t.Errorf("%d views that nobody holds", n)
	}
}

func TestThePreparedViewLastUsedStays(t *testing.T) {
	x, liked := New(), compile(t, filtered("liked"))
	for _, pattern := range []string{"a", "b", "c", "d", "e", "f"} {
		prepare(t, x, liked)
		s := prepare(t, x, compile(t, filtered(pattern)))
		if _, ok := s.views[liked.Ranking().ID()]; !ok {
			t.Fatalf("the view in use went when %q came", pattern)
		}
	}
}

func TestReadersNeedNoLock(t *testing.T) {
	x, p := New(), compile(t, semVer(">=1.0.0"))
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for last := int64(0); ; {
				s := prepare(t, x, p)
				got, _ := s.Evaluate(t.Context(), p)
				want, _ := policy.Evaluate(t.Context(), p, slices.Collect(s.Tags()))
				if !reflect.DeepEqual(got, want) || s.Revision() < last {
					t.Errorf("revision %d after %d: got %+v, want %+v", s.Revision(), last, got, want)
				}
				last = s.Revision()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	names := []string{"1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0", "main"}
	for i := range int64(200) {
		x.Apply(Delta{Revision: i + 1, Added: policy.TagsOf(names[i%5 : i%5+1]), Removed: names[(i+2)%5 : (i+2)%5+1]})
		prepare(t, x, compile(t, filtered(string(rune('a'+i%20)))))
		acquire(t, x, compile(t, semVer("2.x")))()
	}
	close(stop)
	readers.Wait()
}

func TestAViewBuiltBesideChangesCatchesUp(t *testing.T) {
	x, p := New(), compile(t, semVer("*"))
	x.Apply(Delta{Revision: 1, Added: policy.TagsOf([]string{"1.0.0", "2.0.0", "3.0.0"})})
	x.building <- struct{}{} // somebody builds
	done := make(chan *Snapshot)
	go func() { done <- prepare(t, x, p) }()
	stale, err := newView(t.Context(), p.Ranking(), x.Snapshot().tags)
	if err != nil {
		t.Fatal(err)
	}
	begun := x.Snapshot()
	x.Apply(Delta{Revision: 2, Added: policy.TagsOf([]string{"2.1.0"}), Removed: []string{"3.0.0"}})
	<-x.building
	if got, err := (<-done).Evaluate(t.Context(), p); err != nil || got.Tag != "2.1.0" {
		t.Errorf("got %q, %v; want 2.1.0", got.Tag, err)
	}
	caught := stale.changed(begun.changes(Delta{Whole: true, Added: slices.Collect(x.Snapshot().Tags())}))
	got, want := slices.Collect(caught.entries.all), slices.Collect(x.Snapshot().views[p.Ranking().ID()].entries.all)
	if !slices.Equal(got, want) {
		t.Errorf("caught up to %v, want %v", got, want)
	}
}

func TestAnEndedContextEndsABuild(t *testing.T) {
	x, p := New(), compile(t, semVer("*"))
	x.Apply(Delta{Revision: 1, Added: policy.TagsOf([]string{"1.0.0"})})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Prepare(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("prepare: %v", err)
	}
	if _, err := x.Acquire(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("acquire: %v", err)
	}
	if _, err := x.Snapshot().Evaluate(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("evaluate: %v", err)
	}
	if s, err := x.Prepare(t.Context(), p); err != nil || len(s.views) != 1 {
		t.Errorf("nothing works afterwards: %v", err)
	}
}
