// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package scan lists the tags of stored image repositories when they are due, and keeps what it finds. A Scanner does one
// scan: ask the registry, merge the listing with the stored set, store both set and status. A Loop says when: it follows
// the objects and the secrets that they refer to, plans the next scan of each, runs those that are due or asked for, and
// answers who asked.
//
// Nothing here is remembered across a restart but what is stored: the next scan is due an interval after the last one.
// How a registry is asked is package source's business, how tags are stored package state's, how a set changes package
// tagset's.
package scan
