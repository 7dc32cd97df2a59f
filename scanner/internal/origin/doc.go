// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package origin says which scan first saw a tag. It remembers of each repository the last scans that found something new,
// and nothing of the tags: a tag's first-seen time is the time of its scan, to the millisecond, so that the one leads to
// the other. Where it is stored is package state's business, why a scan was made package scan's.
package origin
