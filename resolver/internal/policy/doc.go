// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package policy picks the best tag of an image: by version, by bytes, by number or by age, after an optional filter.
//
// It is the pure domain of the resolver. It knows no protobuf, no gRPC, no store and no clock, does no I/O, and words no
// status: it turns a Spec into a compiled Policy, or into a FieldError that names the field, and a Policy and tags into a
// Result, or into ErrNoTags or ErrNoneEligible.
//
// # Keys
//
// Everything that is ordered is first encoded as a key: a string of bytes whose plain byte order is the order wanted, of
// versions as of decimals and of times. So one comparison serves all policies, a range of versions is a few pairs of
// keys, and an index over tags (package tagindex) needs to know of no policy, only of sorted strings.
//
//	key   = class rank
//	class = 00 not parsable | 01 ordered; of versions: 01 pre-release, 02 release
//	rank  = the encoding of version.go, numerical.go or latest.go, or the bytes themselves
//
// Pre-releases have a class of their own because most ranges do not look at them at all: a range is a few spans of
// releases and, if it names a pre-release, a few spans of pre-releases, and answering it skips everything else. Ranks
// compare across the two classes.
//
// Equal keys (1.0.0 and v1.0.0, or two tags of one extract) are ordered by the tag's bytes: the largest is the best, for
// every policy and both sort orders.
package policy
