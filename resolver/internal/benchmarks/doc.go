// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package benchmarks holds the resolver's speed against plain ways to do the same, in one run: what they report are ratios,
// where a greater one is the faster resolver. `make bench` runs them beside those of the module bench, which may not see
// the inside of the resolver. There is no code here but tests.
package benchmarks
