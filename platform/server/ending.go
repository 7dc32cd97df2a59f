// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"path"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ending ends streams at shutdown: a graceful stop alone waits for them, and those that follow something never end.
type ending struct {
	watches, streams       context.Context // they are the signals, not a call's context
	endWatches, endStreams context.CancelCauseFunc
}

func newEnding() *ending {
	e := &ending{}
	e.streams, e.endStreams = context.WithCancelCause(context.Background())
	e.watches, e.endWatches = context.WithCancelCause(e.streams)
	return e
}

// intercept lets the handler's context end at shutdown, and tells the client why.
func (e *ending) intercept(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	signal, follows := e.streams, endless(info)
	if follows {
		signal = e.watches
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	stop := context.AfterFunc(signal, func() { cancel(context.Cause(signal)) })
	defer stop()
	err := handler(srv, &endingStream{ServerStream: stream, ctx: ctx, receives: info.IsClientStream})
	ended := signal.Err() != nil && stream.Context().Err() == nil
	if ended && (canceled(err) || (err == nil && follows)) {
		return context.Cause(signal)
	}
	return err
}

// endless: what follows something, and what waits for a client that may never say more (reflection).
func endless(info *grpc.StreamServerInfo) bool {
	return info.IsClientStream || strings.HasPrefix(path.Base(info.FullMethod), "Watch")
}

func canceled(err error) bool {
	return errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled
}

type endingStream struct {
	grpc.ServerStream
	ctx      context.Context // a stream has its context
	receives bool
}

func (s *endingStream) Context() context.Context { return s.ctx }

// RecvMsg returns when the stream is ended, also while the client is silent. The receive left behind ends with the
// stream, right after the handler.
func (s *endingStream) RecvMsg(msg any) error {
	if !s.receives {
		return s.ServerStream.RecvMsg(msg) // the handler is to see io.EOF as it is
	}
	received := make(chan error, 1)
	go func() { received <- s.ServerStream.RecvMsg(msg) }()
	select {
	case err := <-received:
		return err
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}
