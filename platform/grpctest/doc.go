// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package grpctest serves services in a test as production does: through the real server with its whole chain, over an
// in-memory connection, to the real client. It is for tests only.
package grpctest
