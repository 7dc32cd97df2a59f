// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// outgoing collects the objects of one push.
type outgoing struct {
	repo    *Repo
	known   map[Hash]bool // the remote has it, or it is collected already
	tips    []Hash        // what the remote has, as far as the cache can tell
	objects int
	parts   [][]byte // as they were packed by Commit
	others  []Hash   // to be read and packed
}

// outgoing is the pack of the objects that the remote has not, in parts: those of the commits made here, from each
// New back to a commit that came from the remote or went to it. There may be none; the pack is empty then.
func (r *Repo) outgoing(commands []*packp.Command, adv *packp.AdvRefs) ([][]byte, int, error) {
	o := &outgoing{repo: r, known: map[Hash]bool{}}
	for name, now := range adv.References {
		for _, hash := range []Hash{now, r.refs[name]} { // what was there, before others moved it on
			if !hash.IsZero() && !o.known[hash] {
				o.known[hash] = true
				o.tips = append(o.tips, hash)
			}
		}
	}
	for _, command := range commands {
		if err := o.commits(command.New); err != nil {
			return nil, 0, r.damage("push", err)
		}
	}
	if err := o.packOthers(); err != nil {
		return nil, 0, r.damage("push", err)
	}
	whole, _, err := pack(o.objects, o.parts...)
	return whole, o.objects, err
}

// commits adds a commit and those before it that were made here and not pushed.
func (o *outgoing) commits(hash Hash) error {
	for !o.known[hash] {
		made, fresh := o.repo.made[hash]
		if !fresh {
			// From before a restart, or one of too many: its objects have to be found.
			sent, err := o.sent(hash)
			if err != nil || sent {
				return err
			}
			if made, err = o.repo.remade(hash); err != nil {
				return err
			}
		}
		o.add(made)
		hash = made.Parent
	}
	return nil
}

// add collects the objects of a commit. What is kept packed is taken as it is, in as few parts as can be.
func (o *outgoing) add(made Commit) {
	kept, is := o.repo.packed[made.Hash]
	if !is {
		for _, hash := range made.Objects {
			if o.isNew(hash) {
				o.others = append(o.others, hash)
			}
		}
		return
	}
	from, to := 0, 0
	for i, object := range kept.objects {
		isNew := o.isNew(object.hash)
		if !isNew {
			o.take(kept.bytes[from:to])
		}
		to = len(kept.bytes)
		if i+1 < len(kept.objects) {
			to = kept.objects[i+1].at
		}
		if !isNew {
			from = to
		}
	}
	o.take(kept.bytes[from:to])
}

func (o *outgoing) take(part []byte) {
	if len(part) > 0 {
		o.parts = append(o.parts, part)
	}
}

// isNew tells whether an object has to be sent and is not collected yet, and counts it.
func (o *outgoing) isNew(hash Hash) bool {
	if o.known[hash] {
		return false
	}
	o.known[hash] = true
	o.objects++
	return true
}

// packOthers packs what Commit has not, or not in this process, or too long ago.
func (o *outgoing) packOthers() error {
	if len(o.others) == 0 {
		return nil
	}
	p, err := newPacker()
	if err != nil {
		return err
	}
	for _, hash := range o.others {
		object, err := o.repo.store.EncodedObject(plumbing.AnyObject, hash)
		if err != nil {
			return err
		}
		content, err := contentOf(object, maxObjectBytes)
		if err != nil {
			return err
		}
		if err := p.add(object.Type(), hash, content); err != nil {
			return err
		}
	}
	o.take(p.done().bytes)
	return nil
}

// sent tells whether the remote has a commit that is not known as made here: it came in a pack, or it is
// beneath what the remote has.
func (o *outgoing) sent(hash Hash) (bool, error) {
	if !o.repo.storedByItself(hash) { // only what is made here is
		return true, nil
	}
	for _, tip := range o.tips {
		found, _, err := o.repo.ancestor(tip, hash)
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

func (r *Repo) storedByItself(hash Hash) bool {
	id := hash.String()
	_, err := os.Stat(r.path("objects", id[:2], id[2:]))
	return err == nil
}

// remade is a commit of the cache as Commit returned it: with the objects that its parent has not.
func (r *Repo) remade(hash Hash) (Commit, error) {
	head, err := r.readCommit(hash)
	if err != nil {
		return Commit{}, err
	}
	if len(head.parents) != 1 {
		return Commit{}, fmt.Errorf("%w: %s was not made here", errMalformed, hash)
	}
	before, err := r.treeOf(head.parents[0])
	if err != nil {
		return Commit{}, err
	}
	made := Commit{Hash: hash, Tree: head.tree, Parent: head.parents[0]}
	if made.Objects, err = r.changed(before, head.tree, nil, 0); err != nil {
		return Commit{}, err
	}
	made.Objects = append(made.Objects, hash)
	return made, nil
}

// changed adds the trees and blobs of one tree that another has not at the same place.
func (r *Repo) changed(before, after Hash, to []Hash, depth int) ([]Hash, error) {
	if before == after {
		return to, nil
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: nested too deeply", errMalformed)
	}
	was, err := r.readTree(before)
	if err != nil {
		return nil, err
	}
	is, err := r.readTree(after)
	if err != nil {
		return nil, err
	}
	old := map[string]treeEntry{}
	for at := 0; at < len(was); {
		var entry treeEntry
		if entry, at, err = nextEntry(was, at); err != nil {
			return nil, err
		}
		old[entry.name] = entry
	}
	for at := 0; at < len(is); {
		var entry treeEntry
		if entry, at, err = nextEntry(is, at); err != nil {
			return nil, err
		}
		switch known := old[entry.name]; {
		case known.hash == entry.hash:
		case entry.isTree() && known.isTree():
			if to, err = r.changed(known.hash, entry.hash, to, depth+1); err != nil {
				return nil, err
			}
		case entry.isTree():
			return nil, errors.New("a commit made here adds no folder")
		default:
			to = append(to, entry.hash)
		}
	}
	return append(to, after), nil
}
