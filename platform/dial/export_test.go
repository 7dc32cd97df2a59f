// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"context"
	"net"

	"google.golang.org/grpc"
)

// Redirected dials target, and connects to address instead; unlike a Dialer, it leaves TLS as it is.
func Redirected(target, address string, opts Options) (*grpc.ClientConn, error) {
	creds, err := credentialsFor(target, opts)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(target, append(opts.grpc(), grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}))...)
}
