// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

const (
	writers       = 3
	writesOfEach  = 60
	objectsInPlay = 8
)

// TestCutAndResumedWatchEndsWithTheStoresState has random writers, and watchers that are cut at random and resume with
// their last token: whatever the order, each watcher's picture is the store's in the end.
func TestCutAndResumedWatchEndsWithTheStoresState(t *testing.T) {
	for name, tt := range map[string]struct {
		filter object.Filter
		ring   int
		remote bool
	}{
		"all":                    {ring: 1000},
		"filtered":               {filter: object.Filter{LabelSelector: "in=yes"}, ring: 1000},
		"from a forgetful cache": {filter: object.Filter{LabelSelector: "in=yes"}, ring: 3},
		"of an etcd elsewhere":   {filter: object.Filter{LabelSelector: "in=yes"}, ring: 20, remote: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := storetest.Open
			if tt.remote {
				open = openRemote
			}
			st := open(t)
			writing, _ := running(t, st)
			watching, _ := running(t, st, object.WithRingSize(tt.ring))
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() { writeAtRandom(t, writing, rand.New(rand.NewPCG(uint64(i), 1))) })
			}
			done := make(chan struct{})
			go func() { wg.Wait(); apply(t, writing, repo("zz-last", "end", "in", "yes")); close(done) }()
			picture := watchCut(t, watching, tt.filter, rand.New(rand.NewPCG(7, 7)))
			<-done
			compare(t, writing, tt.filter, picture)
		})
	}
}

func openRemote(tb testing.TB) *store.Store {
	tb.Helper()
	st, err := store.Open(tb.Context(), store.Config{Endpoints: []string{storetest.Serve(tb)}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	return st
}

func writeAtRandom(t *testing.T, s *repositories, r *rand.Rand) {
	t.Helper()
	ctx := context.Background()
	for i := range writesOfEach {
		k := key(fmt.Sprintf("r%d", r.IntN(objectsInPlay)))
		var err error
		switch r.IntN(5) {
		case 0, 1:
			in := []string{"yes", "no"}[r.IntN(2)]
			_, _, err = s.Apply(ctx, repo(k.Name, fmt.Sprint(r.IntN(3)), "in", in), object.ApplyOptions{})
		case 2, 3:
			_, err = s.UpdateStatus(ctx, k, "", setGeneration(int64(i)))
		default:
			err = s.Delete(ctx, k)
		}
		if err != nil && !errors.Is(err, object.ErrNotFound) {
			t.Error(err)
		}
	}
}

// watchCut builds a picture from events until it has the last object, cutting its subscription at random.
func watchCut(t *testing.T, s *repositories, f object.Filter, r *rand.Rand) map[string]repository {
	t.Helper()
	picture := map[string]repository{}
	token := ""
	for {
		if token == "" {
			clear(picture)
		}
		sub, err := s.Subscribe(t.Context(), f, token)
		if errors.Is(err, object.ErrSlowConsumer) {
			continue // the writers overtook the forgetful cache between its two looks
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(12) {
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			event, err := sub.Next(ctx)
			cancel()
			if errors.Is(err, object.ErrSlowConsumer) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if event.Changed != nil {
				picture[event.Changed.GetMetadata().GetName()] = event.Changed
			}
			if event.Deleted != nil {
				delete(picture, event.Deleted.Name)
			}
			if event.ResumeToken != "" {
				token = event.ResumeToken
			}
			if picture["zz-last"] != nil && event.ResumeToken != "" {
				return picture
			}
		}
	}
}

func compare(t *testing.T, s *repositories, f object.Filter, picture map[string]repository) {
	t.Helper()
	stored, _, err := s.List(t.Context(), f, 100, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range stored {
		name := want.GetMetadata().GetName()
		if got := picture[name]; !proto.Equal(got, want) {
			t.Errorf("%s: the watcher has %v, the store %v", name, got, want)
		}
		delete(picture, name)
	}
	for name := range picture {
		t.Errorf("%s: the watcher has it, the store does not", name)
	}
}
