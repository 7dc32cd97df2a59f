// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package hook takes webhooks: it gives each stored Receiver its path, which follows from its secret, says in its status how
// it is, and answers the calls over HTTP. How a call proves itself and what it tells is package receiver's business; what
// becomes of a scan that is asked for, package request's.
//
// The answers: 200 taken, and written down; 400 not proven, or not what the type sends; 404 no such path; 405 no POST; 413
// over 3 MiB; 429 too many calls of this path; 503 suspended, or not now. They tell nothing more: why is in the log.
package hook
