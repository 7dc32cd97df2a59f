// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package facts knows what the registry tells of tags beyond their names: digests, times, platforms, labels. It asks the
// scanner when somebody needs to know, at most so many at once, and remembers the answers for as long as the caller allows,
// and no longer than until the tag's digest is heard to have moved.
//
// It judges nothing (package selection) and stores nothing.
package facts
