// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"github.com/go-git/go-git/v5/plumbing"
)

// What a Repo keeps of decoded objects, in bytes with what keeping one takes. Blobs are kept only because others
// are deltas of them, and until the next fetch or commit.
const (
	treeMemory     = 12 << 20
	blobMemory     = 8 << 20
	objectOverhead = 250
)

// objectCache keeps decoded objects for the store. What was written here is not read through it, but for trees,
// which the next walk reads.
type objectCache struct{ trees, blobs objectGenerations }

func newObjectCache() *objectCache {
	return &objectCache{objectGenerations{half: treeMemory / 2}, objectGenerations{half: blobMemory / 2}}
}

// Put keeps an object for a while.
func (c *objectCache) Put(object plumbing.EncodedObject) {
	if object.Type() == plumbing.BlobObject {
		c.blobs.put(object)
	} else {
		c.trees.put(object)
	}
}

// Get finds an object.
func (c *objectCache) Get(hash Hash) (plumbing.EncodedObject, bool) {
	if object, found := c.trees.get(hash); found {
		return object, true
	}
	return c.blobs.get(hash)
}

// Clear forgets all.
func (c *objectCache) Clear() {
	c.trees.clear()
	c.blobs.clear()
}

// objectGenerations are objects of which those are forgotten that were not asked for while as many came.
type objectGenerations struct {
	half, held int // bytes of a generation, and of the young one
	young, old map[Hash]plumbing.EncodedObject
}

func (g *objectGenerations) put(object plumbing.EncodedObject) {
	size := int(object.Size()) + objectOverhead
	if size > g.half {
		return
	}
	hash := object.Hash()
	if before, known := g.young[hash]; known {
		g.held -= int(before.Size()) + objectOverhead
	}
	if g.young == nil || g.held+size > g.half {
		g.old, g.young, g.held = g.young, map[Hash]plumbing.EncodedObject{}, 0
	}
	g.young[hash] = object
	g.held += size
}

func (g *objectGenerations) get(hash Hash) (object plumbing.EncodedObject, found bool) {
	if object, found = g.young[hash]; found {
		return object, true
	}
	if object, found = g.old[hash]; found {
		delete(g.old, hash)
		g.put(object)
	}
	return object, found
}

func (g *objectGenerations) clear() { g.young, g.old, g.held = nil, nil, 0 }
