// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Person is an author or committer. The e-mail is required.
type Person struct{ Name, Email string }

// CommitInfo is all of a commit but its tree.
type CommitInfo struct {
	Author Person
	// Committer is the Author when it is the zero value.
	Committer Person
	// Message; a final newline is added when it is missing.
	Message string
	// When is both dates, to the second, in its own time zone.
	When time.Time
	// Sign, when set, returns the armored signature (GPG or SSH) of a commit's bytes.
	Sign func(payload []byte) (string, error)
}

// Commit is a commit that was made here.
type Commit struct {
	Hash, Tree, Parent Hash
	// Objects are the ids of all that is new in it: blobs, trees from the leaves up, the commit last.
	Objects []Hash
}

// Commit writes a commit on top of base (a commit in the cache) in which the files of changes (path to
// content) have their new content, with the modes they had, and nothing else is different. Equal input gives
// an equal commit. Nothing is sent: that is Push.
//
// Errors: ErrNoChange when all contents are what they were, ErrPath for a path that is no regular file of
// base, ErrCacheDamaged, or that of Sign.
func (r *Repo) Commit(ctx context.Context, base Hash, changes map[string][]byte, info CommitInfo) (Commit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.damaged || r.store == nil {
		return Commit{}, r.fail("commit", ErrCacheDamaged, "", nil)
	}
	root, err := r.treeOf(base)
	if err != nil {
		return Commit{}, r.damage("commit", err)
	}
	e := &edit{repo: r, changes: changes, ctx: ctx, seen: map[Hash]bool{}}
	paths := make([]string, 0, len(changes))
	for name := range changes {
		if name == "" || path.Clean("/"+name) != "/"+name {
			return Commit{}, r.fail("commit", ErrPath, fmt.Sprintf("%q", name), nil)
		}
		paths = append(paths, name)
	}
	slices.Sort(paths)
	tree, err := e.tree("", root, paths)
	if err != nil {
		return Commit{}, err
	}
	if tree == root {
		return Commit{}, r.fail("commit", ErrNoChange, "", nil)
	}
	content, err := info.encode(tree, base)
	if err != nil {
		return Commit{}, r.fail("commit", ErrRefused, err.Error(), err)
	}
	hash := e.add(plumbing.CommitObject, content)
	packed, err := e.store()
	if err != nil {
		return Commit{}, r.fail("commit", ErrCache, err.Error(), nil)
	}
	e.foresee()
	made := Commit{Hash: hash, Tree: tree, Parent: base, Objects: e.hashes()}
	r.remember(made, packed)
	return made, nil
}

// foresee spares the next walk the reading of what was just written: trees are kept, and blobs judged.
func (e *edit) foresee() {
	e.repo.objects.blobs.clear()
	for _, object := range e.objects {
		switch object.kind {
		case plumbing.TreeObject:
			e.repo.objects.trees.put(object.encoded())
		case plumbing.BlobObject:
			if e.repo.judge == nil {
				continue
			}
			if marked, known := e.repo.judge(object.content); known {
				e.repo.blobs.Put(object.hash, marked)
			}
		default:
		}
	}
}

// remember keeps a commit for the push, packed as it was for the cache. Commits that are never pushed (a
// preview's, a lost race's) are forgotten when there are too many; the push of one that was has to look for its
// objects, and one that is not kept packed is packed again.
func (r *Repo) remember(made Commit, objects packBody) {
	if len(r.made) >= maxUnpushed {
		r.made, r.packed, r.packedBytes = map[Hash]Commit{}, map[Hash]packBody{}, 0
	}
	r.made[made.Hash] = made
	r.forgetPacked(made.Hash)
	if r.packedBytes+cap(objects.bytes) > maxPacked {
		r.packed, r.packedBytes = map[Hash]packBody{}, 0
	}
	if cap(objects.bytes) <= maxPacked {
		r.packed[made.Hash] = objects
		r.packedBytes += cap(objects.bytes)
	}
}

// forgetPacked lets go of what was kept for a commit's push.
func (r *Repo) forgetPacked(hash Hash) {
	r.packedBytes -= cap(r.packed[hash].bytes)
	delete(r.packed, hash)
}

// edit is the objects of one commit under construction.
type edit struct {
	repo    *Repo
	ctx     context.Context
	changes map[string][]byte
	objects []newObject
	seen    map[Hash]bool
}

type newObject struct {
	kind    plumbing.ObjectType
	hash    Hash
	content []byte // not to be written to
}

// tree rewrites a tree for the changed paths in it (sorted, all below prefix) and returns its new id. Only the
// 20 bytes of each changed entry's id differ.
func (e *edit) tree(prefix string, hash Hash, paths []string) (Hash, error) {
	if err := e.ctx.Err(); err != nil {
		return hash, fmt.Errorf("commit %s: %w", e.repo.URL(), err)
	}
	before, err := e.repo.readTree(hash)
	if err != nil {
		return hash, e.repo.damage("commit", err)
	}
	after := bytes.Clone(before)
	for len(paths) > 0 {
		name, _, nested := strings.Cut(strings.TrimPrefix(paths[0], prefix), "/")
		here := prefix + name
		group := 1
		for nested && group < len(paths) && strings.HasPrefix(paths[group], here+"/") {
			group++
		}
		entry, found, err := findEntry(before, name)
		if err != nil {
			return hash, e.repo.damage("commit", err)
		}
		var now Hash
		switch {
		case found && nested && entry.isTree():
			now, err = e.tree(here+"/", entry.hash, paths[:group])
		case found && !nested && entry.isFile():
			now = e.blob(entry.hash, e.changes[here])
		default:
			err = e.repo.fail("commit", ErrPath, fmt.Sprintf("%q is no file of the commit %s", paths[0], hash), nil)
		}
		if err != nil {
			return hash, err
		}
		copy(after[entry.at:], now[:])
		paths = paths[group:]
	}
	if bytes.Equal(before, after) {
		return hash, nil
	}
	return e.add(plumbing.TreeObject, after), nil
}

func (e *edit) blob(before Hash, content []byte) Hash {
	if objectID(plumbing.BlobObject, content) == before {
		return before
	}
	return e.add(plumbing.BlobObject, content)
}

func (e *edit) add(kind plumbing.ObjectType, content []byte) Hash {
	hash := objectID(kind, content)
	if !e.seen[hash] {
		e.seen[hash] = true
		e.objects = append(e.objects, newObject{kind, hash, content})
	}
	return hash
}

func (e *edit) hashes() []Hash {
	hashes := make([]Hash, len(e.objects))
	for i, object := range e.objects {
		hashes[i] = object.hash
	}
	return hashes
}

// manyObjects is from how many on the objects of a commit are stored as one pack: a file for each would take
// ten times as long, and fill the cache.
const manyObjects = 64

// store writes the objects, what is pointed at before what points at it: the commit, which is last, always by
// itself, which tells what was made here from what was fetched. It returns them packed.
func (e *edit) store() (all packBody, err error) {
	p, err := newPacker()
	if err != nil {
		return all, err
	}
	for _, object := range e.objects {
		if err := p.add(object.kind, object.hash, object.content); err != nil {
			return all, err
		}
	}
	all, loose := p.done(), e.objects
	if len(loose) >= manyObjects {
		last := len(loose) - 1
		if err := e.repo.storePack(all.first(last)); err != nil {
			return all, err
		}
		loose = loose[last:]
	}
	for _, object := range loose {
		if err := e.repo.storeLoose(object); err != nil {
			return all, err
		}
	}
	return all, nil
}

func (r *Repo) storeLoose(object newObject) error {
	if r.store.HasEncodedObject(object.hash) == nil {
		return nil
	}
	r.loose++
	_, err := r.store.SetEncodedObject(object.encoded())
	return err
}

func (o newObject) encoded() plumbing.EncodedObject {
	encoded := &plumbing.MemoryObject{}
	encoded.SetType(o.kind)
	_, _ = encoded.Write(o.content) // into memory: cannot fail
	return encoded
}

var errPerson = errors.New("author and committer need an e-mail address, and no name or address may have <, > or a line break")

// encode is the commit object's content.
func (info CommitInfo) encode(tree, parent Hash) ([]byte, error) {
	if info.Committer == (Person{}) {
		info.Committer = info.Author
	}
	for _, p := range []Person{info.Author, info.Committer} {
		if strings.TrimSpace(p.Email) == "" || strings.ContainsAny(p.Name+p.Email, "<>\r\n\x00") {
			return nil, errPerson
		}
	}
	if strings.ContainsRune(info.Message, 0) {
		return nil, errors.New("the commit message has a NUL byte")
	}
	message := info.Message
	if !strings.HasSuffix(message, "\n") {
		message += "\n"
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "tree %s\nparent %s\n", tree, parent)
	stamp := fmt.Sprintf("%d %s", info.When.Unix(), info.When.Format("-0700"))
	fmt.Fprintf(&head, "author %s %s\ncommitter %s %s\n", info.Author.line(), stamp, info.Committer.line(), stamp)
	payload := append(bytes.Clone(head.Bytes()), "\n"+message...)
	if info.Sign == nil {
		return payload, nil
	}
	signature, err := info.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("sign the commit: %w", err)
	}
	lines := strings.ReplaceAll(strings.TrimRight(signature, "\n"), "\n", "\n ")
	head.WriteString("gpgsig " + lines + "\n\n" + message)
	return head.Bytes(), nil
}

// line is "Name <email>"; Git wants the space even without a name.
func (p Person) line() string {
	return strings.TrimSpace(p.Name) + " <" + strings.TrimSpace(p.Email) + ">"
}
