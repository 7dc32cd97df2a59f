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
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"
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
	e := &edit{repo: r, changes: changes, ctx: ctx}
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
	if err := e.store(); err != nil {
		return Commit{}, err
	}
	made := Commit{Hash: hash, Tree: tree, Parent: base, Objects: e.hashes()}
	r.remember(made)
	return made, nil
}

// remember keeps a commit for the push. Commits that are never pushed (a preview's, a lost race's) are
// forgotten when there are too many.
func (r *Repo) remember(made Commit) {
	if len(r.made) >= maxUnpushed {
		r.made = map[Hash]Commit{}
	}
	r.made[made.Hash] = made
}

// edit is the objects of one commit under construction.
type edit struct {
	repo    *Repo
	ctx     context.Context
	changes map[string][]byte
	objects []*plumbing.MemoryObject
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
	if plumbing.ComputeHash(plumbing.BlobObject, content) == before {
		return before
	}
	return e.add(plumbing.BlobObject, content)
}

func (e *edit) add(kind plumbing.ObjectType, content []byte) Hash {
	object := &plumbing.MemoryObject{}
	object.SetType(kind)
	_, _ = object.Write(content) // into memory: cannot fail
	e.objects = append(e.objects, object)
	return object.Hash()
}

func (e *edit) hashes() []Hash {
	seen := make(map[Hash]bool, len(e.objects))
	hashes := make([]Hash, 0, len(e.objects))
	for _, object := range e.objects {
		if hash := object.Hash(); !seen[hash] {
			seen[hash] = true
			hashes = append(hashes, hash)
		}
	}
	return hashes
}

// manyObjects is from how many on the objects of a commit are stored as one pack: a file for each would take
// ten times as long, and fill the cache.
const manyObjects = 64

// store writes the objects, what is pointed at before what points at it: the commit, which is last, always by
// itself, which tells what was made here from what was fetched.
func (e *edit) store() error {
	loose := e.objects
	if len(loose) >= manyObjects {
		last := len(loose) - 1
		if err := e.storePack(loose[:last]); err != nil {
			return e.repo.fail("commit", ErrCache, err.Error(), nil)
		}
		loose = loose[last:]
	}
	for _, object := range loose {
		if e.repo.store.HasEncodedObject(object.Hash()) == nil {
			continue
		}
		if _, err := e.repo.store.SetEncodedObject(object); err != nil {
			return e.repo.fail("commit", ErrCache, err.Error(), nil)
		}
		e.repo.loose++
	}
	return nil
}

func (e *edit) storePack(objects []*plumbing.MemoryObject) error {
	unpacked := memory.NewStorage()
	hashes := make([]Hash, 0, len(objects))
	for _, object := range objects {
		hash, err := unpacked.SetEncodedObject(object)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
	}
	slices.SortFunc(hashes, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, unpacked, false).Encode(slices.Compact(hashes), 0); err != nil {
		return err
	}
	return packfile.UpdateObjectStorage(e.repo.store, &pack)
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
