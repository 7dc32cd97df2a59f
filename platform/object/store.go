// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/watch"
)

// checkpointEvery is how long a subscription may be silent.
const checkpointEvery = time.Minute

const (
	specPart     = "spec"
	statusPart   = "status"
	overridePart = "override"
)

// Store holds the objects of one kind. It is safe for concurrent use.
type Store[T Message] struct {
	store  *store.Store
	client *clientv3.Client
	kind   Kind[T]
	codec  codec[T]
	cache  *watch.Cache[Key, *entry[T]]
	// prefix of the kind's keys, with its slash.
	prefix string
	opts   options
}

type options struct {
	attachments []string
	ringSize    int
	checkpoint  time.Duration
	logger      *slog.Logger
}

// Option changes what NewStore makes.
type Option func(*options)

// WithAttachment keeps the values of the keys `<plural>/<segment>/<namespace>/<name>` with the objects: a change of one
// is a change of its object, and deleting the object deletes it. The values are held in memory.
func WithAttachment(segment string) Option {
	return func(o *options) { o.attachments = append(o.attachments, segment) }
}

// WithRingSize bounds how many changes are remembered for watchers. Default: watch.DefaultRingSize.
func WithRingSize(changes int) Option { return func(o *options) { o.ringSize = changes } }

// WithCheckpointEvery sets how long a subscription is silent before it has a checkpoint. Default: a minute.
func WithCheckpointEvery(d time.Duration) Option { return func(o *options) { o.checkpoint = d } }

// WithLogger says where interruptions and unreadable values are told of. Default: nowhere.
func WithLogger(logger *slog.Logger) Option { return func(o *options) { o.logger = logger } }

// NewStore makes the store of one kind in the service's part of the store (see store.Scoped).
func NewStore[T Message](st *store.Store, kind Kind[T], opts ...Option) *Store[T] {
	s := &Store[T]{
		store:  st,
		client: st.Client(),
		kind:   kind,
		codec:  newCodec(kind.New),
		prefix: st.Prefix() + "/" + kind.Plural + "/",
		opts:   options{checkpoint: checkpointEvery, logger: slog.New(slog.DiscardHandler)},
	}
	for _, opt := range opts {
		opt(&s.opts)
	}
	s.cache = watch.New(watch.Config[Key, *entry[T]]{
		Client:   s.client,
		Prefix:   s.prefix,
		Group:    s.group,
		Compose:  s.compose,
		RingSize: s.opts.ringSize,
		Logger:   s.opts.logger,
	})
	return s
}

// Run feeds the cache, and with it Cached, All, Attachment and the subscriptions, until the context ends.
func (s *Store[T]) Run(ctx context.Context) error {
	if err := s.cache.Run(ctx); err != nil {
		return fmt.Errorf("following the %s: %w", s.kind.Plural, err)
	}
	return nil
}

// Ready is closed when the cache is filled for the first time.
func (s *Store[T]) Ready() <-chan struct{} { return s.cache.Ready() }

// Key returns the etcd key of one part of an object: `spec`, `status`, `override` or an attachment's segment.
func (s *Store[T]) Key(part string, key Key) string { return s.prefix + part + "/" + key.String() }

// group finds the object of a key `<part>/<namespace>/<name>`.
func (s *Store[T]) group(relative string) (Key, bool) {
	part, rest, _ := strings.Cut(relative, "/")
	namespace, name, _ := strings.Cut(rest, "/")
	key := Key{Namespace: namespace, Name: name}
	switch part {
	case specPart, statusPart, overridePart:
		return key, key.storable()
	}
	for _, segment := range s.opts.attachments {
		if part == segment {
			return key, key.storable()
		}
	}
	return Key{}, false
}

// entry is an object as the cache holds it: made once per change, never changed after.
type entry[T Message] struct {
	object      T
	attachments map[string]Attachment
}

func (s *Store[T]) compose(key Key, members map[string]watch.KV) (*entry[T], bool) {
	spec, ok := members[specPart+"/"+key.String()]
	if !ok {
		return nil, false
	}
	status, override := members[statusPart+"/"+key.String()], members[overridePart+"/"+key.String()]
	object, err := s.codec.compose(spec.Value, spec.ModRevision, status.Value, override.Value)
	if err != nil {
		s.opts.logger.Error("a stored object is not readable, and is not shown", "kind", s.kind.Noun, "object", key.String(), "error", err)
		return nil, false
	}
	e := &entry[T]{object: object}
	for _, segment := range s.opts.attachments {
		if kv, ok := members[segment+"/"+key.String()]; ok {
			if e.attachments == nil {
				e.attachments = map[string]Attachment{}
			}
			e.attachments[segment] = Attachment{Value: kv.Value, Revision: kv.ModRevision}
		}
	}
	return e, true
}

func (s *Store[T]) notFound(key Key) error {
	return fmt.Errorf("%s %s: %w", s.kind.Noun, key, ErrNotFound)
}
