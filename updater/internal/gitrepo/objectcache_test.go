// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

func heldBytes(g *objectGenerations) (bytes int) {
	for _, generation := range []map[Hash]plumbing.EncodedObject{g.young, g.old} {
		for _, object := range generation {
			bytes += int(object.Size()) + objectOverhead
		}
	}
	return bytes
}

func TestTheObjectCacheIsBoundedAndKeepsWhatIsAskedFor(t *testing.T) {
	c := newObjectCache()
	object := func(kind plumbing.ObjectType, content string) plumbing.EncodedObject {
		return newObject{kind: kind, content: []byte(content)}.encoded()
	}
	kept := object(plumbing.TreeObject, "kept")
	c.Put(kept)
	for i := range 100 {
		for _, kind := range []plumbing.ObjectType{plumbing.TreeObject, plumbing.BlobObject} {
			c.Put(object(kind, fmt.Sprint(i, strings.Repeat("x", treeMemory/20))))
		}
		if _, found := c.Get(kept.Hash()); !found {
			t.Fatalf("what is asked for is forgotten after %d", i)
		}
		if trees, blobs := heldBytes(&c.trees), heldBytes(&c.blobs); trees > treeMemory || blobs > blobMemory {
			t.Fatalf("%d bytes of trees and %d of blobs", trees, blobs)
		}
	}
	huge := object(plumbing.TreeObject, strings.Repeat("x", treeMemory))
	if c.Put(huge); c.trees.young[huge.Hash()] != nil {
		t.Error("an object beyond the bound is kept")
	}
	if c.Clear(); heldBytes(&c.trees)+heldBytes(&c.blobs) != 0 {
		t.Error("something is left")
	}
}

func TestWhatWasCommittedIsNotReadAgain(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "mark", "b.yaml": "no", "c.yaml": "mark"})
	r := openApp(t, server)
	tip := fetch(t, r, Ref{})
	if listing := walk(t, r, tip.Hash, marked); listing.Read != 2 { // a and c are one blob
		t.Fatalf("read %d", listing.Read)
	}
	made := must(r.Commit(t.Context(), tip.Hash, map[string][]byte{
		"a.yaml": []byte("mark two"), "b.yaml": []byte("mark three"), "c.yaml": []byte("not any more"),
	}, info("x")))
	if heldBytes(&r.objects.blobs) != 0 {
		t.Error("blobs are kept after a commit")
	}
	push(t, r, tip.Hash, made.Hash)
	if listing := walk(t, r, fetch(t, r, Ref{}).Hash, marked); paths(listing) != "a.yaml b.yaml" || listing.Read != 0 {
		t.Errorf("listed %q, read %d", paths(listing), listing.Read)
	}
	small := marked
	small.MaxFileBytes = 10
	walk(t, r, made.Hash, small)
	next := commit(t, r, made.Hash, "a.yaml", "mark of more than ten bytes")
	if listing := walk(t, r, next.Hash, small); paths(listing) != "b.yaml" || listing.SkippedCount != 1 {
		t.Errorf("listed %q, skipped %d", paths(listing), listing.SkippedCount)
	}
}
