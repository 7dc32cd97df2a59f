// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package tagset is the set of tags of one repository as the scanner keeps it:
// when each tag was first seen, whether it is excluded, and when it vanished. It
// turns a complete listing into the few stored values that change, and two
// stored heads into what is different between them.
//
// A set is a small Head and chunks behind it. A chunk holds a range of the
// sorted tags, compressed; chunks are split and merged like the leaves of a
// B-tree, so that a new tag rewrites one chunk, whatever the size of the set.
// A chunk's id is made of its content: the same id is the same bytes, so a
// chunk that is in two heads need not be read to compare them.
//
// The package is pure: it reads no store and no clock.
package tagset
