// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package bench is the root of the benchmarks, which are Go benchmarks in the packages below it. What they say of speed are
// ratios: Tidemark against a plain way to do the same, and against the limit of the machine, in the same run; they assert
// no time. A small size of each runs as a test, so that the benchmarks stay whole.
//
//	make bench                                           the full size, and a report
//	BENCH_REPOSITORIES=100 BENCH_TAGS=1000 make bench    a smaller one
//	BENCH_PROFILES=/tmp/profiles make bench              profiles of the measured processes as well
//
// The folder of temporary files (TMPDIR) holds the stores: on a disk, an fsync costs what it costs in production.
package bench
