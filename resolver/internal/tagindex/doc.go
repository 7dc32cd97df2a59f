// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package tagindex keeps the tags of one image repository in order, for all policies over it.
//
// It is no cache of answers and knows no policy's rules: package policy encodes tags as keys in byte order and answers from
// sorted ones. An index parses each tag once for each ranking (filter and kind of order) and keeps it up to date with
// changes, so that a new tag costs a search and a small copy, and an answer a few searches, however many tags there are.
//
//	Index --current--> Snapshot (revision) -- tags      all tags, by name
//	                                       \- views     ranking -> its entries, by key, then tag
//
// # Concurrency
//
// Snapshots are immutable, and what did not change is shared between one and the next. Readers take the current one without
// a lock, never wait, and may keep it: all that they ask of one snapshot is answered from one revision of the tag set.
// There is one writer at a time: Apply takes what it takes to change each view. A view that is not there yet is built by the
// first who asks for it (Acquire, Prepare), about half a microsecond a tag, one at a time, beside readers and writers, and ends
// with the caller's context: a pattern from a stranger delays nothing but other new views.
//
// # Structure
//
// Sorted blocks of at most 512 elements, copied when they change, behind a table of blocks. A change of one tag among
// 100,000 copies a block of 16 KiB and a table of 7 KiB, a few microseconds, which a B-tree would not halve; in return
// there is one level and no rebalancing, position and element find each other by two binary searches, and a reader needs no
// lock.
//
// # Memory
//
// A tag takes 48 bytes and its name; in each view that its filter lets it into, 32 bytes and its key: 10 to 30 bytes, or as
// long as what is extracted. The views in use are those of policies that are held (Acquire), and at most four others.
package tagindex
