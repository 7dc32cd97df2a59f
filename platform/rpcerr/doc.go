// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package rpcerr turns errors into google.rpc.Status and back: one seam on the server, one on the client, so that
// errors.Is answers the same on both sides of the wire.
//
// Inside a service, errors are sentinels wrapped with context, or an [Error] made by [New], [Field] or [Fields] where
// the caller is to be told more. [UnaryServerInterceptor] and [StreamServerInterceptor] turn them into a status whose
// google.rpc.ErrorInfo has the domain "tidemark" and a reason of tidemark.meta.v1.ErrorReason;
// [UnaryClientInterceptor] and [StreamClientInterceptor] turn it into an [Error] again. What nobody classified is
// INTERNAL: its text stays in the server's log, and the caller gets a trace id that finds it there.
//
// The package is not a logger, and decides nothing about retrying beyond what the codes say.
package rpcerr
