// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package metadata finds what tags do not say by their names: digests, and what the images behind them tell of
// themselves, which are their times of creation, platforms, labels and annotations; and, where a registry tells it, when
// a tag was pushed.
//
// A tag's digest is asked for each time, or is as old as the caller allows. What a digest names never changes, so that is
// read once and kept in the store, with what was used last in memory. All of it is the registry's and the images' own
// claim, and is bounded in size. A tag whose metadata cannot be had says why; none is left out.
//
// The package asks through what it is given (see Asker): it knows neither credentials nor registries' own APIs.
package metadata
