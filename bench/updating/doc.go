// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package updating measures how fast a choice gets into Git: the updater alone, from a policy's change to the commit on the
// remote, against other ways to make the same commit; the whole way, from a webhook or a request to the commit, through the
// three services; and the marker engine against a YAML library. Repositories have the size of a large company's. What the
// commits contain is for the updater's own tests to prove.
package updating
