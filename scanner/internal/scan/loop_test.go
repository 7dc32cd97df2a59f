// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// scripted is a registry whose listings are the test's: for what a real one cannot be brought to do at the right moment.
type scripted func(ctx context.Context, name string) ([]string, error)

func (s scripted) List(ctx context.Context, name registry.CanonicalName, _ registry.Options) (registry.Listing, error) {
	tags, err := s(ctx, name.String())
	return registry.Listing{Tags: tags}, err
}

func (scripted) Head(context.Context, registry.CanonicalName, string, registry.Options) (string, error) {
	return "", errors.New("nobody asks for digests here")
}

type everything struct{}

func (everything) Owns(string) bool         { return true }
func (everything) Changed() <-chan struct{} { return nil }

// replica is a Loop over a store that other replicas may share.
type replica struct {
	*Loop
	t    *testing.T
	stop func()
}

func start(t *testing.T, st *store.Store, list scripted, change ...func(*Loop)) *replica {
	t.Helper()
	tel := grpctest.Telemetry(t, nil)
	stored := state.New(st, tel.Logger())
	l, err := New(Config{
		State: stored, Source: &source.Source{Registry: list, Secrets: &secret.Memory{}}, Telemetry: tel, Concurrency: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = stored.Repositories.Run(ctx) })
	running.Go(func() {
		if err := l.Run(ctx, everything{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the loop ended with %v", err)
		}
	})
	r := &replica{Loop: l, t: t, stop: func() { cancel(); running.Wait() }}
	t.Cleanup(r.stop)
	return r
}

func (r *replica) apply(name, image string) state.Repository {
	r.t.Helper()
	applied, _, err := r.state.Repositories.Apply(r.t.Context(), &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec:     &scannerv1.ImageRepositorySpec{Image: image, Interval: durationpb.New(time.Hour)},
	}, object.ApplyOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return applied
}

func (r *replica) applyExcluding(name, image string, patterns ...string) {
	r.t.Helper()
	_, _, err := r.state.Repositories.Apply(r.t.Context(), &scannerv1.ImageRepository{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec: &scannerv1.ImageRepositorySpec{
			Image: image, Interval: durationpb.New(time.Hour), ExclusionList: &scannerv1.ExclusionList{Patterns: patterns},
		},
	}, object.ApplyOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) until(name string, fits func(state.Repository) bool) state.Repository {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, err := r.state.Repositories.Get(r.t.Context(), object.KeyOf("", name))
		if err != nil {
			r.t.Fatal(err)
		}
		if fits(got) {
			return got
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain; now: %v", got.GetStatus())
		}
		<-time.After(time.Millisecond)
	}
}

func ready(r state.Repository) bool {
	return conditions.IsTrue(r.GetStatus().GetConditions(), conditions.TypeReady)
}

func tags(t *testing.T, r *replica, name string) string {
	t.Helper()
	set, err := r.state.Set(t.Context(), object.KeyOf("", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for entry, err := range set.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Visible() {
			all = append(all, entry.Tag)
		}
	}
	return strings.Join(all, " ")
}

func TestPanicIsOneObjectsFailure(t *testing.T) {
	r := start(t, storetest.Open(t), func(_ context.Context, name string) ([]string, error) {
		if strings.HasSuffix(name, "/bad") {
			panic("a defect")
		}
		return []string{"1"}, nil
	})
	r.apply("bad", "ghcr.io/bad")
	r.apply("good", "ghcr.io/good")
	got := r.until("bad", func(o state.Repository) bool { return o.GetStatus().GetObservedGeneration() == 1 })
	if c := conditions.Ready(got.GetStatus()); c.GetReason() != reasonFailure || strings.Contains(c.GetMessage(), "a defect\n") {
		t.Errorf("condition %v", c)
	}
	r.until("good", ready)
	if _, err := r.Scan(t.Context(), object.KeyOf("", "bad")); err == nil {
		t.Error("who asked was told of a success")
	}
}

func TestSpecThatChangesDuringAScanIsScannedAgain(t *testing.T) {
	arrived, open := make(chan struct{}), make(chan struct{})
	r := start(t, storetest.Open(t), func(_ context.Context, name string) ([]string, error) {
		if strings.HasSuffix(name, "/old") {
			close(arrived)
			<-open
			return []string{"old"}, nil
		}
		return []string{"new"}, nil
	})
	r.apply("app", "ghcr.io/old")
	<-arrived
	r.apply("app", "ghcr.io/new")
	close(open)
	r.until("app", func(o state.Repository) bool { return ready(o) && o.GetStatus().GetObservedGeneration() == 2 })
	if got := tags(t, r, "app"); got != "new" {
		t.Errorf("tags %q", got)
	}
}

func TestListingThatBeganEarlierIsDiscarded(t *testing.T) {
	st := storetest.Open(t)
	arrived, open := make(chan struct{}), make(chan struct{})
	slow := start(t, st, func(context.Context, string) ([]string, error) {
		close(arrived)
		<-open
		return []string{"1"}, nil
	})
	slow.apply("app", "ghcr.io/app")
	<-arrived
	fast := start(t, st, func(context.Context, string) ([]string, error) { return []string{"1", "2"}, nil })
	fast.until("app", ready)
	close(open)
	slow.stop() // when its scan has ended
	if got := tags(t, fast, "app"); got != "1 2" {
		t.Errorf("tags %q: the older listing won", got)
	}
	if got := fast.until("app", ready); got.GetStatus().GetLastScanResult().GetTagCount() != 2 {
		t.Errorf("status %v", got.GetStatus())
	}
}

func TestTwoReplicasLoseNoTag(t *testing.T) {
	st := storetest.Open(t)
	var mu sync.Mutex
	listed := []string{"0"}
	list := func(context.Context, string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		listed = append(listed, strings.Repeat("x", len(listed)))
		return append([]string(nil), listed...), nil
	}
	a, b := start(t, st, list), start(t, st, list)
	a.apply("app", "ghcr.io/app")
	var scans sync.WaitGroup
	for range 10 {
		for _, r := range []*replica{a, b} {
			scans.Go(func() {
				if _, err := r.Scan(t.Context(), object.KeyOf("", "app")); err != nil {
					t.Errorf("scan: %v", err)
				}
			})
		}
	}
	scans.Wait()
	if _, err := a.Scan(t.Context(), object.KeyOf("", "app")); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := tags(t, a, "app"); got != strings.Join(listed, " ") {
		t.Errorf("tags %q, listed %q", got, listed)
	}
	if n, err := a.state.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("%d orphans, %v", n, err)
	}
}

func TestStoredTagsThatCannotBeReadAreCollectedAfresh(t *testing.T) {
	st := storetest.Open(t)
	listed := []string{"1"}
	r := start(t, st, func(context.Context, string) ([]string, error) { return listed, nil })
	r.apply("app", "ghcr.io/app")
	r.until("app", ready)
	chunks, err := st.Client().Get(t.Context(), st.Prefix()+"/scanner/tagchunks/", clientv3.WithPrefix())
	if err != nil || len(chunks.Kvs) != 1 {
		t.Fatalf("%v, %v", chunks, err)
	}
	head := r.state.Repositories.Key("taghead", object.KeyOf("", "app"))
	for _, damaged := range []string{string(chunks.Kvs[0].GetKey()), head} {
		if _, err := st.Client().Put(t.Context(), damaged, "damaged"); err != nil {
			t.Fatal(err)
		}
		listed = append([]string{"0"}, listed...)
		if _, err := r.Scan(t.Context(), object.KeyOf("", "app")); err != nil {
			t.Errorf("%s damaged: %v", damaged, err)
		}
		if got := tags(t, r, "app"); got != strings.Join(slices.Compact(slices.Clone(listed)), " ") {
			t.Errorf("%s damaged: tags %q", damaged, got)
		}
	}
}

func TestSlowScanShows(t *testing.T) {
	open := make(chan struct{})
	r := start(t, storetest.Open(t), func(context.Context, string) ([]string, error) {
		<-open
		return []string{"1"}, nil
	}, func(l *Loop) { l.slowScan = time.Millisecond })
	r.apply("app", "ghcr.io/app")
	r.until("app", func(o state.Repository) bool {
		return conditions.Get(o.GetStatus().GetConditions(), conditions.TypeReconciling).GetMessage() == "scanning ghcr.io/app"
	})
	close(open)
	got := r.until("app", ready)
	if conditions.Get(got.GetStatus().GetConditions(), conditions.TypeReconciling) != nil {
		t.Errorf("still reconciling: %v", got.GetStatus())
	}
}

func TestShutdownDuringAScanIsNoFailure(t *testing.T) {
	arrived := make(chan struct{}, 2)
	r := start(t, storetest.Open(t), func(ctx context.Context, _ string) ([]string, error) {
		arrived <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	r.apply("app", "ghcr.io/app")
	<-arrived
	answer := make(chan error, 1)
	go func() {
		_, err := r.Scan(t.Context(), object.KeyOf("", "app"))
		answer <- err
	}()
	r.stop()
	if err := <-answer; !errors.Is(err, object.ErrShuttingDown) {
		t.Errorf("who waits is told %v", err)
	}
	if got := r.until("app", func(state.Repository) bool { return true }); got.GetStatus() != nil {
		t.Errorf("status %v", got.GetStatus())
	}
}
