// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package dial connects to a service as every client here does: errors that errors.Is understands, traces that go on,
// TLS beyond loopback, retries of what the server did not take.
package dial
