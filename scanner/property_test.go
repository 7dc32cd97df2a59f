// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// seedVariable repeats one history: its value is the seed that a failure names.
const seedVariable = "TIDEMARK_TEST_SEED"

// histories is for how long histories are tried.
const histories = 3 * time.Second

// TestStoredSetIsSomeCompleteListing is the law of completeness: whatever happens to the registry's answers, to its tags
// between the pages of a listing, and to the scanner between its writes, what is stored is what some listing found whose
// every page was served whole and in order.
func TestStoredSetIsSomeCompleteListing(t *testing.T) {
	w := startWeather(t)
	st := storetest.Open(t)
	life := &mortal{KV: st.Client().KV}
	life.revive()
	st.Client().KV = life
	scans := map[string]int{}
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		(&history{t: t, weather: w, store: st, life: life, seed: seed, scans: scans}).run()
		return
	}
	for end := time.Now().Add(histories); time.Now().Before(end) && !t.Failed(); {
		h := &history{t: t, weather: w, store: st, life: life, seed: rand.Uint64(), scans: scans}
		h.run()
	}
	t.Logf("scans: %v, faults: %v", scans, w.faults)
	for _, must := range []string{"succeeded", "failed"} {
		if scans[must] == 0 {
			t.Errorf("no scan %s: the test says nothing", must)
		}
	}
}

// history is some scans of one object by one or two replicas.
type history struct {
	t       *testing.T
	weather *weather
	store   *store.Store
	life    *mortal
	seed    uint64
	scans   map[string]int

	random   *rand.Rand
	name     string
	replicas []*service
}

func (h *history) run() {
	h.random = rand.New(rand.NewPCG(h.seed, 1))
	h.name = fmt.Sprintf("app-%d", h.seed)
	h.weather.begin(h.name, rand.New(rand.NewPCG(h.seed, 2)))
	h.start(1 + h.random.IntN(2))
	defer h.stop()
	h.replicas[0].apply(repository(h.name, h.weather.registry.Host()+"/"+h.name, interval(0), func(r *scannerv1.ImageRepository) {
		r.Spec.Timeout = durationpb.New(200 * time.Millisecond)
	}))
	for range 12 {
		switch h.random.IntN(8) {
		case 0:
			h.die()
		case 1:
			h.together()
		default:
			h.scan()
		}
		h.check()
		if h.t.Failed() {
			h.t.Logf("the seed of this history: %s=%d", seedVariable, h.seed)
			return
		}
	}
	h.noOrphans()
}

func (h *history) start(replicas int) {
	h.t.Helper()
	h.replicas = nil
	for range replicas {
		h.replicas = append(h.replicas, startOn(h.t, h.store, &secret.Memory{}, func(c *scanner.Config) {
			c.PageSize = 5 + h.random.IntN(10)
			scanner.ForgiveSoon(c)
		}))
	}
}

func (h *history) stop() {
	for _, s := range h.replicas {
		s.mayFail = h.life.dead.Load()
		s.stop()
	}
}

func (h *history) replica() *service { return h.replicas[h.random.IntN(len(h.replicas))] }

// ask scans on request, at times with accept_shrink.
func (h *history) ask(ctx context.Context, s *service, accept bool) (*scannerv1.ScanImageRepositoryResponse, error) {
	return s.repositories.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{Name: h.name, AcceptShrink: accept})
}

// scan asks for a scan: what it finds is a listing that was completed since.
func (h *history) scan() {
	h.t.Helper()
	before := len(h.weather.listings())
	resp, err := h.ask(h.t.Context(), h.replica(), h.random.IntN(4) == 0)
	if err != nil {
		h.scans["failed"]++
		if code := status.Code(err); code == codes.Internal || code == codes.Unknown {
			h.t.Errorf("a scan failed in a way that nobody meant: %v", err)
		}
		return
	}
	h.scans["succeeded"]++
	if since := h.weather.listings()[before:]; !slices.Contains(since, resp.GetResult().GetRevision()) {
		h.t.Errorf("a scan found %s; completed since it was asked for: %q", resp.GetResult().GetRevision(), since)
	}
}

// together scans from several sides at once.
func (h *history) together() {
	h.scans["together"]++
	var all sync.WaitGroup
	for range 3 {
		s := h.replica()
		all.Go(func() { _, _ = h.ask(h.t.Context(), s, true) })
	}
	all.Wait()
}

// die ends the scanner after some writes of a scan, without its doing anything afterwards, and starts it anew.
func (h *history) die() {
	h.t.Helper()
	h.scans["died"]++
	ctx, died := context.WithCancel(h.t.Context())
	defer died()
	h.life.dieAfter(int64(h.random.IntN(4)), h.random.IntN(2) == 0, died)
	_, _ = h.ask(ctx, h.replica(), true)
	h.stop()
	h.life.revive()
	h.start(len(h.replicas))
}

// check compares the stored set with the complete listings.
func (h *history) check() {
	h.t.Helper()
	s := h.replicas[0]
	resp, err := s.tags.ListTags(h.t.Context(), &scannerv1.ListTagsRequest{Name: h.name, PageSize: 10_000})
	if status.Code(err) == codes.FailedPrecondition {
		return // never scanned successfully
	}
	if err != nil {
		h.t.Errorf("listing the stored tags: %v", err)
		return
	}
	stored, complete := checksum(names(resp.GetTags())...), h.weather.listings()
	if !slices.Contains(complete, stored) || resp.GetHead().GetChecksum() != stored || int(resp.GetHead().GetTagCount()) != len(resp.GetTags()) {
		h.t.Errorf("stored are %q, %s, which none of the %d complete listings is; head %v", names(resp.GetTags()), stored, len(complete), resp.GetHead())
	}
	if told := s.get(h.name).GetStatus().GetLastScanResult().GetRevision(); !slices.Contains(complete, told) {
		h.t.Errorf("the status tells of %s, which no complete listing is", told)
	}
}

// noOrphans waits until the store has no other chunks of the set than those that its head names.
func (h *history) noOrphans() {
	h.t.Helper()
	s := h.replicas[0]
	uid := s.get(h.name).GetMetadata().GetUid()
	kept := state.New(h.store, slog.New(slog.DiscardHandler))
	var stored, named []string
	s.eventually("the chunks of "+h.name, func() bool {
		set, err := kept.Set(h.t.Context(), object.KeyOf("", h.name))
		if err != nil {
			h.t.Fatal(err)
		}
		stored, named = nil, nil
		for _, ref := range set.Head.Chunks {
			named = append(named, ref.ID)
		}
		for _, key := range s.keys("/scanner/tagchunks/" + uid + "/") {
			stored = append(stored, key[strings.LastIndexByte(key, '/')+1:])
		}
		slices.Sort(named)
		return slices.Equal(stored, named)
	}, func() any { return fmt.Sprintf("stored %q, named %q, seed %d", stored, named, h.seed) })
}
