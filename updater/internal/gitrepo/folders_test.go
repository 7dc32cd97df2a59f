// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// looksAt fails unless a walk looks at just so many entries.
func looksAt(t *testing.T, r *Repo, at Hash, entries int) Listing {
	t.Helper()
	options := marked
	options.MaxEntries = entries - 1
	_, err := r.Walk(t.Context(), at, options)
	wantKind(t, err, ErrTooLarge)
	options.MaxEntries = entries
	return walk(t, r, at, options)
}

func TestAWalkReadsOnlyTheTreesThatAreNew(t *testing.T) {
	files := map[string]string{"top.yaml": "mark", "plain/x/y.yaml": "no"}
	for i := range 40 {
		files[fmt.Sprintf("d%d/e/f%d.yaml", i%4, i)] = "mark"
		files[fmt.Sprintf("d%d/e/g%d.yaml", i%4, i)] = "no"
	}
	server := startServer(t, gitserver.Config{}, files)
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	first := walk(t, r, tip.Hash, marked)
	if len(first.Files) != 41 {
		t.Fatalf("%d files", len(first.Files))
	}
	const remembered = 5 + 4 + 40 // in the root, d0 to d3, and what is wanted in each d*/e
	if diff := cmp.Diff(first.Files, looksAt(t, r, tip.Hash, remembered).Files); diff != "" {
		t.Error(diff)
	}
	made := commit(t, r, tip.Hash, "d1/e/g1.yaml", "mark: now")
	made = commit(t, r, made.Hash, "d1/e/f1.yaml", "nothing of the kind")
	after := walk(t, r, made.Hash, marked).Files
	again := looksAt(t, r, made.Hash, remembered).Files
	r.folders = folders{}
	anew := looksAt(t, r, made.Hash, remembered+1+40).Files // the folder of nothing, and the others of each d*/e
	for _, files := range [][]File{again, anew} {
		if diff := cmp.Diff(after, files); diff != "" || len(files) != 41 {
			t.Error(len(files), diff)
		}
	}
	other := marked
	other.Version, other.Marked = "other", func([]byte) bool { return false }
	if got := walk(t, r, made.Hash, other).Files; len(got) != 0 {
		t.Errorf("what was remembered for another question was listed: %v", got)
	}
	all := walk(t, r, made.Hash, WalkOptions{}).Files
	if len(all) != 82 {
		t.Errorf("%d files without a question, want all", len(all))
	}
}

func TestFoldersForgetWhatIsOldAndStayBounded(t *testing.T) {
	var f folders
	entries := make([]treeEntry, 100)
	kept := objectID(plumbing.TreeObject, nil)
	f.put(kept, entries)
	for i := range 5 * maxFolderEntries / len(entries) {
		f.put(objectID(plumbing.TreeObject, fmt.Append(nil, i)), entries)
		if _, known := f.get(kept); !known {
			t.Fatalf("what is asked for is forgotten after %d", i)
		}
		if held := (len(f.young) + len(f.old)) * len(entries); held > 2*maxFolderEntries {
			t.Fatalf("%d entries are held", held)
		}
	}
	if _, known := f.get(objectID(plumbing.TreeObject, fmt.Append(nil, 0))); known {
		t.Error("what nobody asks for is still held")
	}
	f.put(objectID(plumbing.TreeObject, []byte("large")), make([]treeEntry, maxFolderEntries+1))
	if _, known := f.get(objectID(plumbing.TreeObject, []byte("large"))); known {
		t.Error("a tree beyond the bound is held")
	}
}
