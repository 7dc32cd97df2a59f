// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package bench is the root of the benchmarks, which are Go benchmarks in the packages below it. What they say of speed are
// ratios: Tidemark against a plain way to do the same, and against the limit of the machine, in the same run; where people
// wait, times as well. They assert none. A small size of each runs as a test, so that the benchmarks stay whole.
//
//	make bench                                           the full size, and a report
//	BENCH=Loop make bench                                some of them
//	BENCH_REPOSITORIES=100 BENCH_TAGS=1000 make bench    a smaller one of package scanning
//	BENCH_FILES=1000 BENCH_ROUNDS=5 make bench           a smaller one of packages updating and cli
//	BENCH_PROFILES=/tmp/profiles make bench              profiles of the scanner's process as well
//	BENCH_STEPS=1 make bench                             where the time goes between a change and its commit, from traces
//	BENCH_BIN=/tmp/programs make bench                   keeps the built programs for the next time
//
// The folder of temporary files (TMPDIR) holds the stores: on a disk, an fsync costs what it costs in production.
package bench
