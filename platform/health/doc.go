// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package health tells the truth about a program: grpc.health.v1 and /readyz answer from one [Reporter], which knows
// only what it was told or has checked.
//
// A name is a part ("scanner"), a gRPC service ("tidemark.scanner.v1.TagService"), or what a part depends on upstream
// ("resolver.upstream"). The empty name is the whole program: it serves when every name does, upstreams aside, for the
// last good state is served while an upstream is away. Until something was reported, nothing serves.
package health
