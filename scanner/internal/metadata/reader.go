// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

const (
	// questionsAtOnce bounds the requests that a Reader has under way, whoever asks.
	questionsAtOnce = 16
	maxKeptFacts    = 1024
	maxKeptDigests  = 20_000
)

// Store keeps facts by digest, per object; *state.State does.
type Store interface {
	// Metadata is nil where there is none.
	Metadata(ctx context.Context, uid, digest string) ([]byte, error)
	PutMetadata(ctx context.Context, uid, digest string, facts []byte) error
}

// Asker asks a registry about one repository.
type Asker interface {
	Content
	Digest(ctx context.Context, tag string) (string, error)
	// Pushed tells when tags were pushed; one that is not in the answer is not told. An error is about those.
	Pushed(ctx context.Context, tags []string) (map[string]time.Time, error)
}

// Reader finds metadata. It is safe for concurrent use.
type Reader struct {
	store   Store
	logger  *slog.Logger
	slots   chan struct{}
	facts   *lru[kept, Facts]
	digests *lru[kept, toldDigest]

	mu      sync.Mutex
	reading map[kept]chan struct{} // closed when who reads it has ended
}

// kept is what is known of an object's digest, or tag.
type kept struct{ uid, name string }

type toldDigest struct {
	image, digest string
	at            time.Time
}

// New makes a reader. The logger hears of a store that does not keep what was read.
func New(store Store, logger *slog.Logger) *Reader {
	return &Reader{
		store: store, logger: logger, slots: make(chan struct{}, questionsAtOnce),
		facts: newLRU[kept, Facts](maxKeptFacts), digests: newLRU[kept, toldDigest](maxKeptDigests),
		reading: map[kept]chan struct{}{},
	}
}

// Facts returns what a digest of the object's says of itself: from memory, from the store, or from the registry, which is
// asked once, whoever asks at the same time. What is known is returned beside an error, which is the asker's, ErrInvalid,
// or the context's.
func (r *Reader) Facts(ctx context.Context, uid, digest string, asker Asker) (Facts, error) {
	key := kept{uid, digest}
	for {
		if known, ok := r.facts.get(key); ok {
			return known, nil
		}
		done, mine := r.begin(key)
		if mine {
			defer r.end(key, done)
			break
		}
		select {
		case <-done:
		case <-ctx.Done():
			return Facts{}, context.Cause(ctx)
		}
	}
	if known, ok := r.facts.get(key); ok { // who read it ended as we began
		return known, nil
	}
	if known, ok := r.stored(ctx, key); ok {
		r.facts.put(key, known)
		return known, nil
	}
	found, err := read(ctx, &paced{Content: asker, slots: r.slots}, digest)
	if err == nil {
		r.keep(ctx, key, found)
	}
	return found, err
}

// begin says whether it is the caller's to read; if not, who reads closes the channel.
func (r *Reader) begin(key kept) (done chan struct{}, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done, busy := r.reading[key]; busy {
		return done, false
	}
	done = make(chan struct{})
	r.reading[key] = done
	return done, true
}

func (r *Reader) end(key kept, done chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reading, key)
	close(done)
}

// stored reads the store. One that fails is one that has nothing: the registry knows.
func (r *Reader) stored(ctx context.Context, key kept) (Facts, bool) {
	encoded, err := r.store.Metadata(ctx, key.uid, key.name)
	if err == nil && encoded == nil {
		return Facts{}, false
	}
	var known Facts
	if err == nil {
		known, err = decode(encoded)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		r.logger.WarnContext(ctx, "stored metadata was not read", "digest", key.name, "error", err)
	}
	return known, err == nil
}

// keep remembers facts.
func (r *Reader) keep(ctx context.Context, key kept, found Facts) {
	r.facts.put(key, found)
	encoded, err := found.encode()
	if err == nil {
		err = r.store.PutMetadata(ctx, key.uid, key.name, encoded)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		r.logger.WarnContext(ctx, "metadata was not stored; it will be read again", "digest", key.name, "error", err)
	}
}

// digest asks for a tag's digest, unless the answer from less than maxAge ago is there.
func (r *Reader) digest(ctx context.Context, of Subject, tag string) (string, error) {
	key := kept{of.UID, tag}
	if told, ok := r.digests.get(key); ok && told.image == of.Image && time.Since(told.at) < of.MaxAge {
		return told.digest, nil
	}
	release, err := take(ctx, r.slots)
	if err != nil {
		return "", err
	}
	defer release()
	at := time.Now()
	digest, err := of.Asker.Digest(ctx, tag)
	if err == nil {
		r.digests.put(key, toldDigest{of.Image, digest, at})
	}
	return digest, err
}

// paced asks when there is room.
type paced struct {
	Content
	slots chan struct{}
}

func (p *paced) Manifest(ctx context.Context, digest string) (registry.Manifest, error) {
	release, err := take(ctx, p.slots)
	if err != nil {
		return registry.Manifest{}, err
	}
	defer release()
	return p.Content.Manifest(ctx, digest)
}

func (p *paced) Blob(ctx context.Context, digest string, most int64) ([]byte, error) {
	release, err := take(ctx, p.slots)
	if err != nil {
		return nil, err
	}
	defer release()
	return p.Content.Blob(ctx, digest, most)
}

func take(ctx context.Context, slots chan struct{}) (release func(), err error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
