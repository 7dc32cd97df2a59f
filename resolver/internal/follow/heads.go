// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// settled is how long a stream that was resumed may be silent until it is taken for one that works.
const settled = time.Second

// place is how far the heads were followed.
type place struct {
	// token of the last event; empty: start with a snapshot.
	token string
	// listed has what the snapshot has told so far; nil: no snapshot is under way.
	listed map[object.Key]struct{}
}

// watch follows the heads until the context ends, whatever happens to the scanner.
func (f *Follower) watch(ctx context.Context) error {
	at := &place{}
	for failures := 0; ; failures++ {
		err := f.watchOnce(ctx, at)
		if f.setOnline(ctx, false) {
			failures = 0
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it ended because it was told to
		}
		if errors.Is(err, rpcerr.ErrTokenExpired) || errors.Is(err, rpcerr.ErrTokenForeign) {
			at.token = ""
		}
		after := min(retryAfter(failures), 5*time.Second)
		if failures == 0 {
			f.logger.Log(ctx, levelOf(err), "the scanner is not followed; trying again", "error", err, "after", after)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(after):
		}
	}
}

// watchOnce follows the heads from the place until the stream ends.
func (f *Follower) watchOnce(ctx context.Context, at *place) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at.listed = nil
	if at.token == "" {
		at.listed = map[object.Key]struct{}{}
	}
	// Waiting costs nothing, and the stream begins as soon as the scanner is back.
	stream, err := f.scanner.WatchTags(ctx, &scannerv1.WatchTagsRequest{ResumeToken: at.token}, grpc.WaitForReady(true))
	if err != nil {
		return rpcerr.FromError(err)
	}
	if at.token != "" {
		defer time.AfterFunc(settled, func() { f.setOnline(ctx, true) }).Stop()
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			return rpcerr.FromError(err)
		}
		f.take(at, event)
		f.setOnline(ctx, true)
	}
}

func (f *Follower) take(at *place, event *scannerv1.WatchTagsResponse) {
	switch e := event.GetEvent().(type) {
	case *scannerv1.WatchTagsResponse_Changed:
		ref := e.Changed.GetRepository()
		key := object.KeyOf(ref.GetNamespace(), ref.GetName())
		if at.listed != nil {
			at.listed[key] = struct{}{}
		}
		f.moved(key, e.Changed)
	case *scannerv1.WatchTagsResponse_Deleted:
		f.moved(object.KeyOf(e.Deleted.GetNamespace(), e.Deleted.GetName()), nil)
	case *scannerv1.WatchTagsResponse_Checkpoint:
		if at.listed != nil {
			f.unlisted(at.listed)
			at.listed = nil
		}
	}
	if token := event.GetResumeToken(); token != "" {
		at.token = token
	}
}

// moved asks the scanner about a repository whose head tells something new; nil: it is gone.
func (f *Follower) moved(key object.Key, head *scannerv1.TagSetHead) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.sources[key]; ok && (head == nil || !s.includes(head)) {
		f.ask(s)
	}
}

// unlisted asks about the repositories that a snapshot did not have.
func (f *Follower) unlisted(listed map[object.Key]struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, s := range f.sources {
		if _, ok := listed[key]; !ok && s.tags != nil {
			f.ask(s)
		}
	}
}

// ask has the repository loaded; what only Resolve has asked for is loaded when it is asked for again. The caller holds
// mu.
func (f *Follower) ask(s *source) {
	s.changed++
	if len(s.policies) > 0 {
		f.loads.Now(s.key.String())
	}
}

// setOnline tells of a change, and says whether there was one. When the scanner is back, what could not be loaded is
// asked for at once. Of a stream that has ended nothing good is believed.
func (f *Follower) setOnline(ctx context.Context, online bool) bool {
	f.telling.Lock()
	defer f.telling.Unlock()
	if online && ctx.Err() != nil || f.online.Swap(online) == online {
		return false
	}
	f.connected(online)
	if !online {
		return true
	}
	f.logger.InfoContext(ctx, "the scanner is followed")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sources {
		if s.failures > 0 {
			f.ask(s)
		}
	}
	return true
}

// levelOf is how loud an end of the stream is: one that the scanner has announced is no surprise.
func levelOf(err error) slog.Level {
	if errors.Is(err, rpcerr.ErrShuttingDown) {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
