// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

// maxFolderEntries is how many entries a Repo remembers of the folders that it has walked, in each of two
// generations; an entry takes about 80 bytes.
const maxFolderEntries = 1 << 15

// folders remembers by a tree's id which of its entries a walk has to look at: the wanted files, what leads to some,
// and what is passed over and said each time. The next walk reads and searches only the trees that are new. What was
// not asked for during the life of a generation is forgotten.
type folders struct {
	young, old map[Hash][]treeEntry
	held       int // entries in young
}

func (f *folders) get(tree Hash) (entries []treeEntry, known bool) {
	if entries, known = f.young[tree]; known {
		return entries, true
	}
	if entries, known = f.old[tree]; known {
		f.put(tree, entries)
	}
	return entries, known
}

func (f *folders) put(tree Hash, entries []treeEntry) {
	if f.young == nil || f.held+len(entries) > maxFolderEntries {
		f.old, f.young, f.held = f.young, map[Hash][]treeEntry{}, 0
	}
	if len(entries) <= maxFolderEntries {
		f.young[tree] = entries
		f.held += 1 + len(entries)
	}
}
