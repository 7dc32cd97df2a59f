// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitrepo is the updater's Git engine: it fetches, reads, commits and pushes without ever checking out
// a work tree.
//
// A Repo keeps a bare cache of one remote, seen with one credential:
//
//	<cache dir>/<sha256 of URL and credential identity>/
//	  lock          held while a process has it open
//	  packed-refs   remote reference -> commit, as of the last fetch or push
//	  shallow       commits whose parents the cache lacks
//	  objects/      packs that were fetched; packs and loose objects that were written here
//	  blobindex     blob or tree hash -> has it markers
//
// packed-refs, shallow and objects are Git's own formats. Everything in the folder can be had again from the
// remote: a damaged or overgrown cache is thrown away and fetched anew.
//
// A reference is fetched at depth 1 the first time and then by naming what is here (haves and shallows), so
// that a later fetch costs what has changed and not the size of the tree. A commit is written as objects
// directly: the tree's other entries are copied byte by byte, so modes, symlinks, submodules and names are
// never touched. A push sends the objects of the commits made here and nothing else, just as they were packed
// for the cache, and names the old id of every reference, so that nobody's commit can be lost.
//
// A question about the history (Contains, Ahead, RemoteHas) that goes beyond the cache's boundary is answered from
// more history: commits alone, kept in memory, where the server can leave trees and files out; else the cache is
// deepened.
//
// What a Ref is and what comes of it:
//
//	empty repository   ErrEmptyRepository: there is nothing to commit on
//	missing branch     ErrBranchNotFound; with Optional a Tip with a zero Hash, from which a branch can be made
//	nothing set        HEAD's branch; a HEAD that is detached gives its commit, with no Branch; one that points at
//	                   a branch that is not there yet ErrBranchNotFound
//	commit             that commit, as the tip of a reference, by its id where the server hands that out, or out
//	                   of the history of Ref.Branch (or of HEAD); no Branch. Else ErrRefNotFound
//	tag                its commit, also of an annotated one; no Branch
//	semver             the highest tag in the range as a tag; ErrRefNotFound when there is none; no pre-release
//	                   unless the range names one
//
// What has no Branch can be read and committed on, but pushed only to a reference that the caller names.
//
// What the package is not: it knows nothing of markers, policies or YAML, and it decides nothing. It asks its
// caller which files are wanted and what to write into them.
package gitrepo
