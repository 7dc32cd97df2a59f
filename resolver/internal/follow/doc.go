// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package follow keeps the tag sets of the image repositories that policies refer to, as the scanner has them.
//
// It follows the heads of all tag sets over one stream (WatchTags). When a head of a repository that somebody wants has
// moved, what changed since is loaded (StreamTags) into the repository's index, and the policies are told. It knows who
// may read what: the scanner answers that, and the answer is kept for as long as the repository's spec stays the same.
// While the scanner is away, what is known stays and is served.
//
// It decides no policy, and stores nothing: after a start, all is loaded again.
//
//	Follower -- source (repository) -- policies that want it
//	                                \- Tags (uid) -- head
//	                                              \- index
package follow
