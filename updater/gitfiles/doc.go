// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitfiles shows the files of one path of a Git repository at one reference: bounded, cached on disk, without a
// work tree. A look at a repository in which nothing is new costs one request and reads no file; a cache that is damaged
// is fetched anew.
//
// A revision is read whole or not at all. What is in it and cannot be read (a symbolic link, a file that is too large) is
// told of, so that a caller never takes it for something that was deleted.
//
// It writes nothing to the repository, and knows nothing of what the files mean.
package gitfiles
