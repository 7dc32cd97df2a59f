// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// MaxMessage is the size of the largest message taken or sent, in bytes: 200,000 tags fit.
const MaxMessage = 32 << 20

// maxHeaders bounds a call's metadata, in bytes: a bearer token is a few KiB.
const maxHeaders = 64 << 10

func grpcOptions(cfg Config, tlsConfig *tls.Config, ending *ending) []grpc.ServerOption {
	tracer := cfg.Telemetry.Tracer("github.com/tidemark-io/tidemark/platform/server")
	return []grpc.ServerOption{
		grpc.Creds(serverCredentials(tlsConfig)),
		grpc.StatsHandler(cfg.Telemetry.ServerHandler()),
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(20 * time.Second),
		// A peer that vanished without a word is noticed within 40 s; one that pings more than every 5 s is cut off.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(
			rpcerr.UnaryServerInterceptor(cfg.Logger, tracer), recoverUnary, validateUnary,
		),
		grpc.ChainStreamInterceptor(
			rpcerr.StreamServerInterceptor(cfg.Logger, tracer), recoverStream, ending.intercept, validateStream,
		),
		grpc.UnknownServiceHandler(unknownMethod),
	}
}

// unknownMethod answers what nobody registered; with it such calls, too, pass the chain and get their details.
func unknownMethod(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	return rpcerr.New(codes.Unimplemented, metav1.ErrorReason_ERROR_REASON_UNIMPLEMENTED, "this server has no method %s", method)
}
