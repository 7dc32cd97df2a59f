// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
)

func recoverUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	err = lifecycle.Guard(func() error {
		resp, err = handler(ctx, req)
		return err
	})
	return resp, err
}

func recoverStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return lifecycle.Guard(func() error { return handler(srv, stream) })
}
