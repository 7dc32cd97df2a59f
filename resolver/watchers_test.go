// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
)

// watcher follows policies over any number of streams. It knows each policy by its generation: the policies of these tests
// are suspended, so that nothing else of them changes.
type watcher struct {
	token string
	known map[string]int64 // up to the token
	since map[string]int64 // after the token
}

func newWatcher() *watcher { return &watcher{known: map[string]int64{}, since: map[string]int64{}} }

// follow watches until done holds, or the stream ends with an error. What came after the last token is forgotten then, as a
// client must: it comes again.
func (w *watcher) follow(ctx context.Context, client resolverv1.ImagePolicyServiceClient, done func(*watcher) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clear(w.since)
	stream, err := client.WatchImagePolicies(ctx, &resolverv1.WatchImagePoliciesRequest{ResumeToken: w.token})
	if err != nil {
		return err
	}
	for !done(w) {
		event, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := w.take(event); err != nil {
			return err
		}
	}
	return nil
}

var errTwice = errors.New("a change was told twice, or after a later one")

func (w *watcher) take(event *resolverv1.WatchImagePoliciesResponse) error {
	if p := event.GetChanged(); p != nil {
		name, generation := p.GetMetadata().GetName(), p.GetMetadata().GetGeneration()
		if generation <= max(w.known[name], w.since[name]) {
			return fmt.Errorf("%w: %s, generation %d after %d", errTwice, name, generation, max(w.known[name], w.since[name]))
		}
		w.since[name] = generation
	}
	if event.GetResumeToken() != "" {
		w.token = event.GetResumeToken()
		for name, generation := range w.since {
			w.known[name] = generation
		}
		clear(w.since)
	}
	return nil
}

// has says whether the watcher has been told of that generation, or a later one, of each of so many policies.
func has(policies int, generation int64) func(*watcher) bool {
	return func(w *watcher) bool {
		for i := range policies {
			if w.known[fmt.Sprintf("p%d", i)] < generation {
				return false
			}
		}
		return true
	}
}

// change makes a policy one of the next generation.
func (s *stage) change(i, generation int) {
	s.t.Helper()
	s.apply(policyOf(fmt.Sprintf("p%d", i), "none", suspend, filter(fmt.Sprintf("^%d-", generation), "")))
}

func TestAThousandWatchersAreToldOfEachPolicy(t *testing.T) {
	const watchers, policies, generations = 1000, 5, 4
	s := newStage(t)
	ctx := s.ctx()
	errs := make(chan error, watchers)
	ready := make(chan struct{}, watchers)
	for range watchers {
		go func() {
			w := newWatcher()
			err := w.follow(ctx, s.policies, func(w *watcher) bool { return w.token != "" })
			ready <- struct{}{}
			if err == nil { // the rest by another stream, from the token
				err = w.follow(ctx, s.policies, has(policies, generations))
			}
			errs <- err
		}()
	}
	for range watchers {
		<-ready
	}
	for g := range generations {
		for i := range policies {
			s.change(i, g+1)
		}
	}
	for range watchers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatchersMissNothingAcrossRestarts(t *testing.T) {
	const watchers, policies, lives, generations = 8, 3, 4, 5
	s := newStage(t)
	all := make([]*watcher, watchers)
	for i := range all {
		all[i] = newWatcher()
	}
	for life := range lives {
		ctx, cancel := context.WithCancel(s.ctx())
		ended := make(chan error, watchers)
		final := int64((life + 1) * generations)
		for i, w := range all {
			done := has(policies, final)
			if i%2 == 0 { // half of them break off somewhere in the middle
				done = has(policies, final-int64(i)-1)
			}
			client := s.policies
			go func() { ended <- w.follow(ctx, client, done) }()
		}
		for g := range generations {
			for i := range policies {
				s.change(i, life*generations+g+1)
			}
		}
		last := life == lives-1
		if life%2 == 0 && !last {
			s.restart() // under the watchers
		}
		for range watchers {
			err := <-ended
			// A client whose connection is closed with the resolver's has an error of its own.
			if errors.Is(err, errTwice) || err != nil && status.Code(err) != codes.Unavailable && status.Code(err) != codes.Canceled {
				t.Fatal(err)
			}
		}
		cancel()
		if life%2 == 1 && !last {
			s.restart() // after them
		}
	}
	for _, w := range all {
		if err := w.follow(s.ctx(), s.policies, has(policies, lives*generations)); err != nil {
			t.Errorf("at last: %v; known is %v", err, w.known)
		}
	}
}
