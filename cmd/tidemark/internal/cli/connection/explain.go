// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrUnreachable says that no server answered, or that the one that did went away.
var ErrUnreachable = errors.New("server is unreachable")

// server is a connection whose errors are a person's sentences.
type server struct {
	place
	conn *grpc.ClientConn
	// token is what the caller is known by; nil: nothing.
	token *bearer
	// reached: it has answered once.
	reached atomic.Bool
}

// explained is an error with a sentence of its own in place of its causes'.
type explained struct {
	sentence string
	causes   []error
}

func (e *explained) Error() string   { return e.sentence }
func (e *explained) Unwrap() []error { return e.causes }

func unreachable(err error, format string, args ...any) error {
	return &explained{sentence: fmt.Sprintf(format, args...), causes: []error{ErrUnreachable, err}}
}

// Invoke makes a call with one answer.
func (s *server) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	with, err := s.token.with(ctx)
	if err != nil {
		return err
	}
	return s.explain(ctx, method, s.conn.Invoke(with, method, args, reply, opts...))
}

// NewStream makes a call that streams.
func (s *server) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	with, err := s.token.with(ctx)
	if err != nil {
		return nil, err
	}
	inner, err := s.conn.NewStream(with, desc, method, opts...)
	if err != nil {
		return nil, s.explain(ctx, method, err)
	}
	return &stream{ClientStream: inner, ctx: ctx, server: s, method: method}, nil
}

type stream struct {
	grpc.ClientStream
	// ctx is the caller's: the stream's own is canceled by its end as well.
	ctx    context.Context
	server *server
	method string
}

// RecvMsg waits for the next message.
func (s *stream) RecvMsg(m any) error {
	return s.server.explain(s.ctx, s.method, s.ClientStream.RecvMsg(m))
}

// explain replaces what gRPC says of itself. An error with details comes from the service and stays.
func (s *server) explain(ctx context.Context, method string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		s.reached.Store(true)
		return err
	}
	if ctx.Err() != nil {
		return s.ended(ctx, err)
	}
	st, ok := status.FromError(err)
	if !ok || len(st.Details()) > 0 {
		s.reached.Store(true)
		return err
	}
	switch st.Code() {
	case codes.Unavailable:
		return s.unavailable(st.Message(), err)
	case codes.Unimplemented:
		s.reached.Store(true)
		return &explained{causes: []error{err}, sentence: fmt.Sprintf("the server on %s does not serve %s; name the one that does with %s",
			s.address, service(method), s.flag)}
	default:
		return err
	}
}

// ended says why a call that the caller's own context ended has no answer.
func (s *server) ended(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	if !s.reached.Load() {
		return unreachable(err, "%s (%v)", s.nobody(), context.Cause(ctx))
	}
	return fmt.Errorf("the server on %s is still at it: %w", s.address, context.Cause(ctx))
}

func (s *server) unavailable(message string, err error) error {
	switch {
	case strings.Contains(message, "authentication handshake failed"):
		return unreachable(err, "the server on %s could not be trusted: %s; see --tls-ca-file and --insecure", s.address, message)
	case s.reached.Load():
		return unreachable(err, "the server on %s went away", s.address)
	default:
		return unreachable(err, "%s", s.nobody())
	}
}

func (s *server) nobody() string {
	if s.context != "" {
		return fmt.Sprintf("no server answers on %s, where context %s has it; see `tidemark config list`, or name it with %s",
			s.address, s.context, s.flag)
	}
	return fmt.Sprintf("no server answers on %s; start one with `tidemark up`, or name it with %s", s.address, s.flag)
}

// service is the service's name in a method's path.
func service(method string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return name
}
