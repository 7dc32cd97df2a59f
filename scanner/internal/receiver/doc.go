// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package receiver knows the webhooks: how each type of caller proves itself, what its payload names, and what a receiver's
// spec makes of that. It knows no HTTP server, no store and no scan; package hook has those.
//
// What a payload says is a hint: it never becomes a tag. A payload that names images narrows what is scanned, see Narrow.
//
// A type is a file: what proves a call, and what is read from it. Proofs are compared in constant time.
package receiver
