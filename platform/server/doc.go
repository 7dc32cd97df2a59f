// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package server is the gRPC and HTTP server of a program: listeners, TLS, the one chain of interceptors, health,
// reflection, and an orderly stop.
//
// A call passes, from the outside in: OpenTelemetry, the error seam (rpcerr), panic capture, the end of streams at
// shutdown, and validation of the request (protovalidate). HTTP serves /metrics, /healthz (the process lives) and
// /readyz (the program serves). What is served is registered by the services; the package knows none of them.
package server
