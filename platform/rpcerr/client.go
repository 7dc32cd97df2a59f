// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package rpcerr

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// UnaryClientInterceptor makes an [Error] of each failed call's status.
func UnaryClientInterceptor() grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		return FromError(invoke(ctx, method, req, reply, cc, opts...))
	}
}

// StreamClientInterceptor makes an [Error] of each failed stream's status; io.EOF stays io.EOF.
func StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(
		ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		stream, err := open(ctx, desc, cc, method, opts...)
		if err != nil {
			return nil, FromError(err)
		}
		return clientStream{stream}, nil
	}
}

type clientStream struct{ grpc.ClientStream }

func (s clientStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, FromError(err)
}

func (s clientStream) CloseSend() error      { return FromError(s.ClientStream.CloseSend()) }
func (s clientStream) SendMsg(msg any) error { return FromError(s.ClientStream.SendMsg(msg)) }
func (s clientStream) RecvMsg(msg any) error { return FromError(s.ClientStream.RecvMsg(msg)) }
