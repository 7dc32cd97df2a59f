// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// load decodes all files, and sums up what was read, names and bytes.
func (c *Codec) load(f *files, opts Options) (*Set, [sha256.Size]byte) {
	r := c.newReader(opts)
	r.set.Errors = append(r.set.Errors, f.errors...)
	sum := sha256.New()
	add := func(part []byte) {
		// Neither method of a hash ever fails.
		_ = binary.Write(sum, binary.BigEndian, uint64(len(part)))
		_, _ = sum.Write(part)
	}
	for _, e := range f.errors {
		add([]byte(e.Error()))
	}
	left := r.opts.MaxTotalBytes
	for _, name := range f.names {
		data, err := f.read(name, r.opts.MaxFileBytes)
		if err != nil {
			r.fail(&Error{File: f.shownName(name), Sentence: "cannot be read: " + reason(err)})
			add([]byte(name + reason(err)))
			continue
		}
		if left -= int64(len(data)); left < 0 {
			r.fail(&Error{File: f.shownName(name), Sentence: fmt.Sprintf(
				"all files together are larger than %d bytes; this one and what follows is not read, split the folder", r.opts.MaxTotalBytes)})
			add([]byte(name))
			break
		}
		r.file(f.shownName(name), data)
		add([]byte(name))
		add(data)
	}
	return r.set, [sha256.Size]byte(sum.Sum(nil))
}

// seen is what a file looked like, without its content.
type seen struct {
	name     string
	size     int64
	modified time.Time
	inode    uint64
}

func seenOf(name string, info fs.FileInfo) seen {
	return seen{name: name, size: info.Size(), modified: info.ModTime(), inode: inode(info)}
}

// racy is how long after a file's last change another one may leave its looks unchanged: the coarsest clock of common
// file systems ticks every two seconds.
const racy = 2 * time.Second

// look is what all files looked like at one time.
type look struct {
	entries  []seen
	errors   []string
	youngest time.Duration // since the last change of any file
}

// settled says that every file was last changed too long ago for the next change to be missed.
func (l look) settled() bool { return l.youngest >= racy }

func (f *files) signature(now time.Time) look {
	l := look{entries: f.entries, youngest: racy}
	for _, e := range f.errors {
		l.errors = append(l.errors, e.Error())
	}
	for _, e := range f.entries {
		// A time in the future is a clock's fault and says nothing.
		l.youngest = min(l.youngest, now.Sub(e.modified).Abs())
	}
	return l
}

func (l look) same(other look) bool {
	return slices.EqualFunc(l.entries, other.entries, func(a, b seen) bool {
		return a.name == b.name && a.size == b.size && a.inode == b.inode && a.modified.Equal(b.modified)
	}) && slices.Equal(l.errors, other.errors)
}
