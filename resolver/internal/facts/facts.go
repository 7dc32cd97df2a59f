// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const (
	// atOnce is how many tags of one question are asked about at the same time.
	atOnce = 16
	// listFrom is how many tags have to be unknown until whole pages are asked for.
	listFrom = 32
	// maxPages bounds a listing of at most a thousand tags, in pages of a hundred, where tags come in meanwhile.
	maxPages = 20
)

// ErrGone says that the registry has no such tag, though it lists it, or did.
var ErrGone = errors.New("the registry does not have the tag")

// Want is a set of facts that are asked for.
type Want uint8

// The facts.
const (
	Digest Want = 1 << iota
	Created
	Pushed
	Platforms
	Labels
)

// Fact is what is known of a tag: of what was wanted, and is told.
type Fact struct {
	Digest string
	// Created and Pushed are zero where they are not told.
	Created, Pushed time.Time
	Platforms       []string
	Labels          map[string]string
	// Problem is why something is missing, a sentence; empty: nothing went wrong.
	Problem string
}

// Subject is an image repository, and who asks.
type Subject struct {
	Repository object.Key
	UID        string
	// Namespace is the policy's.
	Namespace string
	// Revision is that of the tags that are looked at.
	Revision int64
	// MovedAt is the revision at which a tag's digest was last heard to have moved; nil: nothing is heard.
	MovedAt func(tag string) int64
}

// Asker asks the scanner: follow.Follower.
type Asker interface {
	Inspect(
		ctx context.Context, repository object.Key, tag, namespace string, wanted []scannerv1.TagMetadata, track bool,
	) (*scannerv1.Tag, error)
	List(
		ctx context.Context, repository object.Key, pattern, token string, wanted []scannerv1.TagMetadata,
	) (tags []*scannerv1.Tag, next string, err error)
}

// Source finds facts. It is safe for concurrent use.
type Source struct {
	asker Asker
	cache *cache
}

// New makes a source that knows nothing yet.
func New(asker Asker) *Source { return &Source{asker: asker, cache: newCache()} }

// Of returns facts about one tag that are no older than that. track: the scanner is to follow its digest. A
// tag that the registry does not have any more is ErrGone; other errors are the scanner's, or the context's.
func (s *Source) Of(ctx context.Context, of Subject, tag string, want Want, maxAge time.Duration, track bool) (Fact, error) {
	if fact, ok := s.known(of, tag, want, maxAge); ok {
		return fact, nil
	}
	begun := time.Now()
	told, err := s.asker.Inspect(ctx, of.Repository, tag, of.Namespace, want.names(), track)
	if rpcerr.ToStatus(err).Code() == codes.NotFound {
		return Fact{}, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return Fact{}, err
	}
	return s.keep(of, tag, want, told, begun), nil
}

// All returns facts about tags, which the pattern matches all, in their order; of those that are gone nothing is known. The
// error is the first one's.
func (s *Source) All(
	ctx context.Context, of Subject, pattern string, tags []string, want Want, maxAge time.Duration,
) ([]Fact, error) {
	if s.unknown(of, tags, want, maxAge) >= listFrom {
		if err := s.list(ctx, of, pattern, want); err != nil {
			return nil, err
		}
	}
	found := make([]Fact, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, tag := range tags {
		if fact, ok := s.known(of, tag, want, maxAge); ok {
			found[i] = fact
			continue
		}
		group.Go(func() (err error) {
			if found[i], err = s.Of(ctx, of, tag, want, maxAge, false); errors.Is(err, ErrGone) {
				return nil
			}
			return err
		})
	}
	return found, group.Wait() //nolint:wrapcheck // Of's
}

// ToldPushes says that some tag's push was told of the repository before: what is not told now, is not told for a time only.
func (s *Source) ToldPushes(uid string) bool { return s.cache.toldPushes(uid) }

func (s *Source) unknown(of Subject, tags []string, want Want, maxAge time.Duration) int {
	n := 0
	for _, tag := range tags {
		if _, ok := s.known(of, tag, want, maxAge); !ok {
			n++
		}
	}
	return n
}

// list asks for all that the pattern matches, page by page, so that what came before a failure is kept.
func (s *Source) list(ctx context.Context, of Subject, pattern string, want Want) error {
	token := ""
	for range maxPages {
		begun := time.Now()
		tags, next, err := s.asker.List(ctx, of.Repository, pattern, token, want.names())
		if err != nil {
			return err
		}
		for _, tag := range tags {
			if tag.GetMetadataError() == "" { // the others are asked about one by one
				s.keep(of, tag.GetName(), want, tag, begun)
			}
		}
		if token = next; token == "" {
			break
		}
	}
	return nil
}

func (s *Source) known(of Subject, tag string, want Want, maxAge time.Duration) (Fact, bool) {
	k, ok := s.cache.get(cacheKey{of.UID, tag, want})
	if !ok || time.Since(k.at) >= maxAge || (of.MovedAt != nil && of.MovedAt(tag) > k.revision) {
		return Fact{}, false
	}
	return k.fact, true
}

// keep remembers what was told; what went wrong is not remembered.
func (s *Source) keep(of Subject, tag string, want Want, told *scannerv1.Tag, at time.Time) Fact {
	fact := Fact{
		Digest: told.GetDigest(), Created: timeOf(told.GetCreatedTime()), Pushed: timeOf(told.GetPushedTime()),
		Platforms: told.GetPlatforms(), Labels: told.GetLabels(), Problem: told.GetMetadataError(),
	}
	if !fact.Pushed.IsZero() {
		s.cache.tellPushes(of.UID)
	}
	if fact.Problem == "" {
		s.cache.put(cacheKey{of.UID, tag, want}, kept{fact: fact, at: at, revision: of.Revision})
	}
	return fact
}

func timeOf(t *timestamppb.Timestamp) time.Time {
	if !t.IsValid() {
		return time.Time{}
	}
	return t.AsTime()
}

func (w Want) names() []scannerv1.TagMetadata {
	var names []scannerv1.TagMetadata
	for _, one := range []struct {
		want Want
		name scannerv1.TagMetadata
	}{
		{Digest, scannerv1.TagMetadata_TAG_METADATA_DIGEST},
		{Created, scannerv1.TagMetadata_TAG_METADATA_CREATED},
		{Pushed, scannerv1.TagMetadata_TAG_METADATA_PUSHED},
		{Platforms, scannerv1.TagMetadata_TAG_METADATA_PLATFORMS},
		{Labels, scannerv1.TagMetadata_TAG_METADATA_LABELS},
	} {
		if w&one.want != 0 {
			names = append(names, one.name)
		}
	}
	return names
}

// Offers says whether the platforms that a tag offers have the wanted one; a variant counts where it is wanted.
func (f Fact) Offers(platform string) bool {
	return slices.ContainsFunc(f.Platforms, func(offered string) bool {
		return offered == platform || strings.HasPrefix(offered, platform+"/") && strings.Count(platform, "/") == 1
	})
}
