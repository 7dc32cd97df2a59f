// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	service = "scanner"
	// worthwhile is the least by which a pause must end later than the others know for it to be told: a write to the store
	// for less would cost more than it saves.
	worthwhile = time.Second
	// maxHost bounds a host's name in bytes, so that a key is no longer than it should be.
	maxHost      = 512
	retryEvery   = time.Second
	writeTimeout = 5 * time.Second
	openTimeout  = 10 * time.Second
)

// record is what replicas tell each other of a budget.
type record struct {
	// Until is the end of a pause.
	Until time.Time `json:"until,omitzero"`
	// Reason is what the host said.
	Reason string `json:"reason,omitempty"`
	// Window is what is left, where that is little.
	Window Window `json:"window,omitzero"`
}

// ends is when the record says nothing any more.
func (r record) ends() time.Time {
	if r.Window.Reset.After(r.Until) {
		return r.Window.Reset
	}
	return r.Until
}

// shared is the replicas' common knowledge.
type shared struct {
	client          *clientv3.Client
	prefix, hmacKey string

	mu      sync.Mutex
	unsaid  map[key]record
	changed chan struct{} // of one
}

func newShared(st *store.Store) *shared {
	prefix := st.Scoped(service).Prefix()
	return &shared{
		client: st.Client(), prefix: prefix + "/hosts/", hmacKey: prefix + "/hostskey",
		unsaid: map[key]record{}, changed: make(chan struct{}, 1),
	}
}

// push has a record written soon.
func (s *shared) push(k key, r record) {
	s.mu.Lock()
	s.unsaid[k] = r
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *shared) take() map[key]record {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.unsaid
	s.unsaid = map[key]record{}
	return taken
}

// putBack keeps what could not be written, unless there is something newer.
func (s *shared) putBack(records map[key]record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(records, s.unsaid)
	s.unsaid = records
}

// Open reads, or makes, the key that names credentials alike in all replicas. Run does so too, if need be; requests that
// are sent before have budgets of names that are this process's own. Errors: store.ErrUnavailable, the context's.
func (h *Hosts) Open(ctx context.Context) error {
	if h.shared == nil || h.opened.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	fresh, at := rand.Text(), h.shared.hmacKey
	resp, err := h.shared.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(at), "=", 0)).
		Then(clientv3.OpPut(at, fresh)).
		Else(clientv3.OpGet(at)).
		Commit()
	if err != nil {
		return store.Wrap("reading the key of the registries' budgets", err)
	}
	if !resp.Succeeded {
		for _, kv := range resp.Responses[0].GetResponseRange().GetKvs() {
			fresh = string(kv.GetValue())
		}
	}
	h.fingerprint.Store(&fresh)
	h.opened.Store(true)
	return nil
}

// Run tells the other replicas of pauses, and follows theirs, until the context ends. While the store is away each replica
// goes by what it sees itself.
func (h *Hosts) Run(ctx context.Context) error {
	if h.shared == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	var group lifecycle.Group
	group.Add("pauses seen", h.repeating("telling the other scanners of pauses", h.tell))
	group.Add("pauses told", h.repeating("following the other scanners' pauses", h.follow))
	return group.Run(ctx)
}

// repeating makes a task that begins anew when it failed.
func (h *Hosts) repeating(doing string, task func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			err := task(ctx)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			h.logger.WarnContext(ctx, doing+" was interrupted", "error", err)
			select {
			case <-time.After(retryEvery):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (h *Hosts) tell(ctx context.Context) error {
	for {
		left := h.shared.take()
		for k, r := range left {
			if err := h.shared.write(ctx, k, r); err != nil {
				h.shared.putBack(left)
				return err
			}
			delete(left, k)
		}
		select {
		case <-h.shared.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write stores a record under a lease that ends with it.
func (s *shared) write(ctx context.Context, k key, r record) error {
	left := time.Until(r.ends())
	if left <= 0 || len(k.host) > maxHost {
		return nil
	}
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding a pause: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	lease, err := s.client.Grant(ctx, int64(left/time.Second)+1)
	if err != nil {
		return store.Wrap("granting a lease", err)
	}
	_, err = s.client.Put(ctx, s.prefix+k.host+"/"+k.credential, string(value), clientv3.WithLease(lease.ID))
	return store.Wrap("writing a pause", err)
}

func (h *Hosts) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	if err := h.Open(ctx); err != nil {
		return err
	}
	known, err := h.shared.client.Get(ctx, h.shared.prefix, clientv3.WithPrefix())
	if err != nil {
		return store.Wrap("reading the pauses", err)
	}
	for _, kv := range known.Kvs {
		h.hear(string(kv.Key), kv.Value)
	}
	watch := h.shared.client.Watch(ctx, h.shared.prefix, clientv3.WithPrefix(), clientv3.WithRev(known.Header.GetRevision()+1),
		clientv3.WithFilterDelete())
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return store.Wrap("following the pauses", err)
		}
		for _, event := range resp.Events {
			h.hear(string(event.Kv.Key), event.Kv.Value)
		}
	}
	return fmt.Errorf("%w: the watch of the pauses has ended", store.ErrUnavailable)
}

// hear takes in what a replica, which may be this one, has told. What cannot be read is of another version of the program,
// and passed over.
func (h *Hosts) hear(at string, value []byte) {
	host, credential, ok := strings.Cut(strings.TrimPrefix(at, h.shared.prefix), "/")
	var told record
	if !ok || json.Unmarshal(value, &told) != nil {
		return
	}
	now := time.Now()
	if !told.ends().After(now) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.budget(Request{Host: host, Credential: credential})
	b.hear(told, now)
	h.dispatch(b)
}

func (b *budget) hear(told record, now time.Time) {
	latest := now.Add(maxPause)
	if told.Until.After(b.pausedUntil) && told.Until.Before(latest) {
		b.pausedUntil = told.Until
		b.lastError = told.Reason
	}
	if told.Window.Reset.Before(latest) && told.Window.tells(b.window, now) {
		b.window = told.Window
	}
	b.told = told
}

// tells says whether a window that was told leaves less than the one that is known.
func (w Window) tells(known Window, now time.Time) bool {
	return w.Reset.After(now) && (!known.Reset.After(now) || w.Remaining < known.Remaining)
}

// worthSharing says whether the others should know more than they do: of a pause, or that little is left.
func (b *budget) worthSharing(now time.Time) bool {
	if b.pausedUntil.After(now) && b.pausedUntil.Sub(b.told.Until) >= worthwhile {
		return true
	}
	w, told := b.window, b.told.Window
	low := w.Reset.After(now) && w.Remaining*10 <= w.Limit
	sameWindow := w.Reset.Sub(told.Reset).Abs() < worthwhile
	return low && (!sameWindow || w.Remaining == 0 && told.Remaining > 0)
}

// record is what to tell, which the others then know.
func (b *budget) record() record {
	b.told = record{Until: b.pausedUntil, Reason: b.lastError, Window: b.window}
	return b.told
}
