// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxTreeBytes and maxCommitBytes bound single objects that are read whole.
const (
	maxTreeBytes   = 64 << 20 // about 1.5 million entries
	maxCommitBytes = 4 << 20
)

var errMalformed = errors.New("malformed object")

// Modes of tree entries, as Git writes them.
const (
	modeTree       = 0o040000
	modeSymlink    = 0o120000
	modeSubmodule  = 0o160000
	modeRegular    = 0o100000
	modeKind       = 0o170000
	modeExecutable = 0o100755
)

// treeEntry is one entry of a tree, just as it is stored: a mode that Git would not write today (100664)
// stays what it is.
type treeEntry struct {
	mode uint32
	name string
	hash Hash
	at   int // where the hash is in the tree's bytes
}

func (e treeEntry) isFile() bool { return e.mode&modeKind == modeRegular }
func (e treeEntry) isTree() bool { return e.mode&modeKind == modeTree }

// nextEntry cuts the entry at offset from off a tree: mode, space, name, NUL, 20 bytes.
func nextEntry(tree []byte, from int) (entry treeEntry, next int, err error) {
	rest := tree[from:]
	space := bytes.IndexByte(rest, ' ')
	if space < 1 || space > 7 {
		return entry, 0, fmt.Errorf("%w: a tree entry without a mode", errMalformed)
	}
	for _, digit := range rest[:space] {
		if digit < '0' || digit > '7' {
			return entry, 0, fmt.Errorf("%w: a tree entry with mode %q", errMalformed, rest[:space])
		}
		entry.mode = entry.mode<<3 | uint32(digit-'0')
	}
	end := bytes.IndexByte(rest[space+1:], 0)
	if end < 0 || space+1+end+1+len(entry.hash) > len(rest) {
		return entry, 0, fmt.Errorf("%w: a tree that is cut off", errMalformed)
	}
	entry.name = string(rest[space+1 : space+1+end])
	entry.at = from + space + 1 + end + 1
	copy(entry.hash[:], tree[entry.at:])
	return entry, entry.at + len(entry.hash), nil
}

// findEntry looks a name up. Trees are small against what was read to get here; a scan is enough.
func findEntry(tree []byte, name string) (treeEntry, bool, error) {
	for at := 0; at < len(tree); {
		entry, next, err := nextEntry(tree, at)
		if err != nil {
			return entry, false, err
		}
		if entry.name == name {
			return entry, true, nil
		}
		at = next
	}
	return treeEntry{}, false, nil
}

// maxSound bounds how many trees are remembered as sound.
const maxSound = 1 << 16

// twice are the names that a tree has more than once, which no tree should: nobody could say which is meant.
func (r *Repo) twice(hash Hash, tree []byte) map[string]bool {
	if r.sound[hash] {
		return nil
	}
	names, twice := map[string]bool{}, map[string]bool{}
	for at := 0; at < len(tree); {
		entry, next, err := nextEntry(tree, at)
		if err != nil {
			break
		}
		if names[entry.name] {
			twice[entry.name] = true
		}
		names[entry.name] = true
		at = next
	}
	if len(twice) > 0 {
		return twice
	}
	if len(r.sound) >= maxSound {
		r.sound = nil
	}
	if r.sound == nil {
		r.sound = map[Hash]bool{}
	}
	r.sound[hash] = true
	return nil
}

// readTree reads a tree's bytes.
func (r *Repo) readTree(hash Hash) ([]byte, error) {
	return r.readObject(plumbing.TreeObject, hash, maxTreeBytes)
}

// readObject reads an object of at most limit bytes; errTooLarge when it has more.
func (r *Repo) readObject(kind plumbing.ObjectType, hash Hash, limit int64) ([]byte, error) {
	// What is large and came in a pack is not read before its reader is asked for; what was made here is not large.
	object, err := r.store.EncodedObject(kind, hash)
	if err != nil {
		return nil, err
	}
	return contentOf(object, limit)
}

// contentOf reads an object of at most limit bytes.
func contentOf(object plumbing.EncodedObject, limit int64) (_ []byte, err error) {
	if object.Size() > limit {
		return nil, fmt.Errorf("%w: %d bytes", errObjectTooLarge, object.Size())
	}
	reader, err := object.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	content := make([]byte, object.Size())
	if _, err := io.ReadFull(reader, content); err != nil {
		return nil, err
	}
	return content, nil
}

// hasObject tells whether an object of any kind is in the cache and can be read.
func (r *Repo) hasObject(hash Hash) bool {
	_, err := r.store.EncodedObject(plumbing.AnyObject, hash)
	return err == nil
}

var errObjectTooLarge = errors.New("object too large")

// treeOf is the tree of a commit.
func (r *Repo) treeOf(hash Hash) (Hash, error) {
	commit, err := r.readCommit(hash)
	return commit.tree, err
}

// commitHead is what a commit says of its content and of its place in the history.
type commitHead struct {
	tree    Hash
	parents []Hash
	when    int64 // the committer's time, seconds since 1970; 0 when it cannot be read
}

// readHead reads the head of a commit that may be in the past alone.
func (r *Repo) readHead(hash Hash) (commitHead, error) {
	if head, known := r.past.heads[hash]; known {
		return head, nil
	}
	return r.readCommit(hash)
}

// readCommit reads the head of a commit that is in the cache.
func (r *Repo) readCommit(hash Hash) (commitHead, error) {
	content, err := r.readObject(plumbing.CommitObject, hash, maxCommitBytes)
	if err != nil {
		return commitHead{}, err
	}
	return parseCommit(content)
}

func parseCommit(content []byte) (head commitHead, err error) {
	for number := 0; ; number++ {
		line, rest, _ := bytes.Cut(content, []byte("\n"))
		content = rest
		key, value, _ := bytes.Cut(line, []byte(" "))
		switch word := string(key); {
		case number == 0 && word == "tree":
			if head.tree, err = parseHash(value); err != nil {
				return commitHead{}, err
			}
		case number == 0:
			return commitHead{}, fmt.Errorf("%w: a commit without a tree", errMalformed)
		case word == "parent":
			parent, err := parseHash(value)
			if err != nil {
				return commitHead{}, err
			}
			head.parents = append(head.parents, parent)
		case word == "committer":
			head.when = stampOf(value)
			return head, nil
		case len(line) == 0:
			return head, nil
		}
	}
}

// stampOf reads the seconds of "Name <email> 1790848800 +0200".
func stampOf(person []byte) int64 {
	rest := person[bytes.LastIndexByte(person, '>')+1:]
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	seconds, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return seconds
}

func parseHash(text []byte) (hash Hash, err error) {
	if len(text) != hex.EncodedLen(len(hash)) {
		return hash, fmt.Errorf("%w: %q is no object id", errMalformed, text)
	}
	if _, err := hex.Decode(hash[:], text); err != nil {
		return hash, fmt.Errorf("%w: %q is no object id", errMalformed, text)
	}
	return hash, nil
}
