// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

var errNotAsked = errors.New("the resolver has not been asked yet")

// Run follows the policies until the context ends. A stream that breaks is taken up again where it ended.
func (f *Follower) Run(ctx context.Context) error {
	token := ""
	for wait := firstRetry; ; {
		place, err := f.stream(ctx, token)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the stream ends because the follower does
		}
		if place != token {
			wait = firstRetry
		}
		token = place
		if errors.Is(err, rpcerr.ErrTokenExpired) || errors.Is(err, rpcerr.ErrTokenForeign) {
			token = ""
		}
		f.away(ctx, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait/2 + rand.N(wait/2)): // #nosec G404 -- spreads load, guards nothing
		}
		wait = min(2*wait, lastRetry)
	}
}

// stream follows one stream to its end, and returns the last place.
func (f *Follower) stream(ctx context.Context, token string) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := f.client.WatchImagePolicies(ctx, &resolverv1.WatchImagePoliciesRequest{ResumeToken: token})
	if err != nil {
		return token, rpcerr.FromError(err)
	}
	var seen map[object.Key]bool // the snapshot's; nil after it
	if token == "" {
		seen = map[object.Key]bool{}
	} else {
		f.back(ctx) // such a stream may be silent for a minute
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return token, rpcerr.FromError(err)
		}
		f.back(ctx)
		switch event := response.GetEvent().(type) {
		case *resolverv1.WatchImagePoliciesResponse_Changed:
			if seen != nil {
				seen[object.KeyOfMeta(event.Changed.GetMetadata())] = true
			}
			f.put(event.Changed)
		case *resolverv1.WatchImagePoliciesResponse_Deleted:
			f.remove(object.KeyOf(event.Deleted.GetNamespace(), event.Deleted.GetName()))
		case *resolverv1.WatchImagePoliciesResponse_Checkpoint:
			if seen != nil {
				f.keep(seen)
				seen = nil
				f.complete()
			}
		}
		if response.GetResumeToken() != "" {
			token = response.GetResumeToken()
		}
	}
}

func (f *Follower) back(ctx context.Context) {
	f.mu.Lock()
	was := f.problem
	f.problem = nil
	f.mu.Unlock()
	if was != nil {
		f.logger.InfoContext(ctx, "following the policies of the resolver")
	}
}

func (f *Follower) away(ctx context.Context, err error) {
	f.mu.Lock()
	was := f.problem
	f.problem = fmt.Errorf("the resolver cannot be followed: %s", rpcerr.Sentence(err))
	f.mu.Unlock()
	if was == nil || errors.Is(was, errNotAsked) {
		f.logger.Log(ctx, levelOf(err), "the policies of the resolver cannot be followed; the last known ones count", "error", err)
	}
}

// levelOf is how loud an end of the stream is: one that the resolver has announced is no surprise.
func levelOf(err error) slog.Level {
	if errors.Is(err, rpcerr.ErrShuttingDown) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
