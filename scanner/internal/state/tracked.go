// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

const (
	// TrackFor is how long a tag is tracked that nobody asks for any more.
	TrackFor = 24 * time.Hour
	// trackNoted is how exactly it is noted when it was asked for last.
	trackNoted = time.Hour
	// MaxMoved bounds the digests that one swap can note, for etcd's sake.
	MaxMoved = 48
	// maxAsked and maxPushed bound the tags of one object that are tracked at once because somebody asked, and because a
	// webhook named them: each costs a request a scan. The one whose time is longest ago makes room.
	maxAsked  = 150
	maxPushed = 50
)

// Tracked is a tag whose digest somebody is interested in.
type Tracked struct {
	Tag string `json:"-"`
	// Digest is the one that was told last; empty: none was.
	Digest string `json:"digest,omitempty"`
	// Pushed says that a webhook told of a push and that no digest was known then: the first that becomes known is news.
	Pushed bool `json:"pushed,omitempty"`
	// Hook says that nobody but a webhook has named it.
	Hook bool `json:"hook,omitempty"`
	// Asked is when somebody showed interest, to the hour.
	Asked time.Time `json:"asked"`

	revision int64
}

func (s *State) trackedPrefix(uid string) string { return s.tracked + uid + "/" }

// Track begins to track a tag of the object's, or notes that somebody is still interested in it. The digest is what that
// somebody was told; of a tag that is tracked already it changes nothing, for others were told another one and are still to
// hear that it moved. Errors: store.ErrUnavailable.
func (s *State) Track(ctx context.Context, uid, tag, digest string, now time.Time) error {
	return s.track(ctx, uid, tag, Tracked{Digest: digest, Asked: now}, maxAsked)
}

// Pushed notes that a webhook tells of a push of a tag, which is tracked from then on. Errors: store.ErrUnavailable.
func (s *State) Pushed(ctx context.Context, uid, tag string, now time.Time) error {
	return s.track(ctx, uid, tag, Tracked{Pushed: true, Hook: true, Asked: now}, maxPushed)
}

func (s *State) track(ctx context.Context, uid, tag string, known Tracked, most int) error {
	now := known.Asked
	key := s.trackedPrefix(uid) + tag
	resp, err := s.client.Get(ctx, key)
	if err != nil {
		return store.Wrap("tracking a tag", err)
	}
	revision := int64(0)
	for _, kv := range resp.Kvs {
		revision = kv.GetModRevision()
		stored, ok := parseTracked(kv.GetValue())
		switch {
		case ok && now.Sub(stored.Asked) > TrackFor: // forgotten, and begun anew
		case ok && (stored.Digest != "" || known.Digest == ""):
			hook := stored.Hook && known.Hook
			if now.Sub(stored.Asked) < trackNoted && hook == stored.Hook {
				return nil
			}
			known = stored
			known.Hook = hook
		}
	}
	var ops []clientv3.Op
	if revision == 0 {
		if ops, err = s.makeRoom(ctx, uid, known.Hook, most, now); err != nil {
			return err
		}
	}
	known.Asked = now.UTC().Truncate(time.Second)
	_, err = s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
		Then(append(ops, clientv3.OpPut(key, known.encode()))...).
		Commit() // whoever was faster has said the same
	return store.Wrap("tracking a tag", err)
}

// makeRoom deletes the tag whose time is longest ago, of those tracked for the same reason, where there is room for no more.
func (s *State) makeRoom(ctx context.Context, uid string, hook bool, most int, now time.Time) ([]clientv3.Op, error) {
	tracked, err := s.Tracked(ctx, uid, now)
	if err != nil {
		return nil, err
	}
	tracked = slices.DeleteFunc(tracked, func(t Tracked) bool { return t.Hook != hook })
	if len(tracked) < most {
		return nil, nil
	}
	oldest := slices.MinFunc(tracked, func(a, b Tracked) int { return a.Asked.Compare(b.Asked) })
	return []clientv3.Op{clientv3.OpDelete(s.trackedPrefix(uid) + oldest.Tag)}, nil
}

// Tracked are the tracked tags of an object, in byte order. It deletes those that nobody has asked for in a day. Errors:
// store.ErrUnavailable.
func (s *State) Tracked(ctx context.Context, uid string, now time.Time) ([]Tracked, error) {
	prefix := s.trackedPrefix(uid)
	resp, err := s.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithLimit(2*(maxAsked+maxPushed)))
	if err != nil {
		return nil, store.Wrap("reading the tracked tags", err)
	}
	var tracked []Tracked
	for _, kv := range resp.Kvs {
		known, ok := parseTracked(kv.GetValue())
		if ok && now.Sub(known.Asked) <= TrackFor {
			known.Tag, known.revision = strings.TrimPrefix(string(kv.GetKey()), prefix), kv.GetModRevision()
			tracked = append(tracked, known)
			continue
		}
		_, err := s.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(string(kv.GetKey())), "=", kv.GetModRevision())).
			Then(clientv3.OpDelete(string(kv.GetKey()))).
			Commit()
		if err != nil {
			return nil, store.Wrap("forgetting a tracked tag", err)
		}
	}
	return tracked, nil
}

// Told notes the digests that are known of tracked tags from now on, unless somebody has noted something meanwhile: then
// the next scan does. Errors: store.ErrUnavailable.
func (s *State) Told(ctx context.Context, uid string, tracked []Tracked) error {
	for _, t := range tracked {
		key := s.trackedPrefix(uid) + t.Tag
		_, err := s.client.Txn(ctx).
			If(clientv3.Compare(clientv3.ModRevision(key), "=", t.revision)).
			Then(clientv3.OpPut(key, t.encode())).
			Commit()
		if err != nil {
			return store.Wrap("noting the digest of a tracked tag", err)
		}
	}
	return nil
}

// telling notes digests with a swap: there somebody's interest of the last hour may be lost, a digest may not.
func (s *State) telling(uid string, tracked []Tracked) []clientv3.Op {
	ops := make([]clientv3.Op, 0, len(tracked))
	for _, t := range tracked[:min(len(tracked), MaxMoved)] {
		ops = append(ops, clientv3.OpPut(s.trackedPrefix(uid)+t.Tag, t.encode()))
	}
	return ops
}

// SweepTracked deletes what objects have left that are no more, and says how much it was. See SweepMetadata.
func (s *State) SweepTracked(ctx context.Context, now time.Time) (int, error) {
	return s.sweepEach(ctx, s.tracked, func(value []byte) bool {
		known, ok := parseTracked(value)
		return !ok || now.Sub(known.Asked) > TrackFor
	})
}

func (t Tracked) encode() string {
	encoded, err := json.Marshal(t)
	if err != nil {
		return "" // a text and a time of this era can be encoded
	}
	return string(encoded)
}

func parseTracked(stored []byte) (Tracked, bool) {
	var t Tracked
	err := json.Unmarshal(stored, &t)
	return t, err == nil && !t.Asked.IsZero()
}

func uidOf(key, prefix string) string {
	uid, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	return uid
}
