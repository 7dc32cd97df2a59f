// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package harness sets up what an end-to-end test needs: Tidemark's own programs as processes, either one that holds
// the three services or three of one service each, a real registry, a real Git server, and clients to look at all of
// it from outside. Everything a test starts ends with the test.
//
// It knows what the programs promise to people, flags, RPCs and exit codes, and nothing of how they keep it. It has no
// scenarios; those are in package e2e.
package harness
