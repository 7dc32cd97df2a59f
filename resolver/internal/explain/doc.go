// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package explain says for every tag what a policy makes of it and why, the best first.
//
// It decides nothing that package policy has not decided: it asks a policy where each tag stands, orders what is eligible,
// has the candidates examined from the best on until one passes, and words what came of each. The sentences are made for
// the page that is looked at, not for all tags: an explanation of 200,000 tags holds 32 bytes for each beside its name. It
// knows no gRPC and no store, and does no I/O but what its Examiner does.
package explain
