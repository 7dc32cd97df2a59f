// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// Defaults and bounds of a walk.
const (
	defaultFileBytes = 8 << 20
	maxFileBytes     = 64 << 20 // whatever MaxFileBytes says
	defaultFiles     = 50_000
	defaultEntries   = 2_000_000
	maxDepth         = 128
	maxPath          = 4096 // bytes, as file systems have it
	maxSkipped       = 1000
)

// WalkOptions say which files of a commit are wanted.
type WalkOptions struct {
	// Path is the folder or file to begin at, relative to the repository's root. Empty or "./": the root.
	Path string
	// Match tells by a file's base name whether it is read. Nil: every file.
	Match func(name string) bool
	// Marked tells by its content whether a file is wanted. It is asked once per content, and remembered, also by the
	// next Commit of what it writes; nil: every file that matches is wanted. It must not call the Repo.
	Marked func(content []byte) bool
	// Version names what Match and Marked look for, in one line: with another one all is looked at again.
	Version string
	// MaxFileBytes is the size of the largest file that is read; 0: 8 MiB, at most 64 MiB. Larger ones are skipped.
	MaxFileBytes int64
	// MaxFiles is how many files may be wanted, 0: 50,000; MaxEntries how many tree entries may be looked at,
	// 0: 2,000,000. With more the walk fails.
	MaxFiles, MaxEntries int
}

// File is a file that is wanted.
type File struct {
	Path string // from the root, with slashes
	Mode uint32 // 0o100644, 0o100755
	Hash Hash
}

// Executable tells whether the file's executable bit is set.
func (f File) Executable() bool { return f.Mode == modeExecutable }

// Skipped is a file that would have matched but was not looked at.
type Skipped struct {
	Path   string // quoted, when it has bytes that cannot be shown
	Reason string // a sentence
}

// Listing is what a walk found.
type Listing struct {
	// Files are in tree order.
	Files []File
	// Skipped holds the first 1,000 of what was passed over; SkippedCount all of them.
	Skipped      []Skipped
	SkippedCount int
	// Read is how many blobs had to be read because they were not known yet.
	Read int
}

// Walk lists the files of a commit that are wanted. It follows no symlink and enters no submodule. Errors:
// ErrPath, ErrTooLarge, ErrCacheDamaged (fetch again), or the context's.
func (r *Repo) Walk(ctx context.Context, commit Hash, options WalkOptions) (Listing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	options.MaxFileBytes = min(orDefault(options.MaxFileBytes, defaultFileBytes), maxFileBytes)
	options.MaxFiles = orDefault(options.MaxFiles, defaultFiles)
	options.MaxEntries = orDefault(options.MaxEntries, defaultEntries)
	if r.damaged || r.store == nil {
		return Listing{}, r.fail("walk", ErrCacheDamaged, "", nil)
	}
	if options.Marked != nil {
		if r.blobs.use(strings.ReplaceAll(options.Version, "\n", " ")) {
			r.folders = folders{}
		}
		r.judge = func(content []byte) (marked, known bool) {
			known = int64(len(content)) <= options.MaxFileBytes
			return known && options.Marked(content), known
		}
		defer r.blobs.save(false)
	}
	w := &walker{repo: r, ctx: ctx, WalkOptions: options}
	return w.listing, w.run(commit)
}

func orDefault[N int | int64](n, otherwise N) N {
	if n <= 0 {
		return otherwise
	}
	return n
}

// ReadFile reads a file that a walk listed. Errors: ErrTooLarge (over 64 MiB), ErrCacheDamaged.
func (r *Repo) ReadFile(file File) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.damaged || r.store == nil {
		return nil, r.fail("read", ErrCacheDamaged, "", nil)
	}
	content, err := r.readObject(plumbing.BlobObject, file.Hash, maxFileBytes)
	if errors.Is(err, errObjectTooLarge) {
		return nil, r.fail("read", ErrTooLarge, file.Path+": "+err.Error(), nil)
	}
	if err != nil {
		return nil, r.damage("read", err)
	}
	return content, nil
}

// walker is one walk.
type walker struct {
	WalkOptions
	repo    *Repo
	ctx     context.Context
	listing Listing
	entries int
}

func (w *walker) run(commit Hash) error {
	root, err := w.repo.treeOf(commit)
	if err != nil {
		return w.repo.damage("walk", err)
	}
	start, err := w.repo.locate(root, w.Path)
	if err != nil {
		return err
	}
	if start.isTree() {
		_, err = w.tree(start.name, start.hash, 0)
	} else {
		_, err = w.file(start.name, start)
	}
	return err
}

// tree walks a tree and tells whether nothing in it is wanted or skipped.
func (w *walker) tree(prefix string, hash Hash, depth int) (clean bool, err error) {
	if _, known := w.repo.blobs.Get(hash); known && w.Marked != nil {
		return true, nil // only clean trees are put there
	}
	if depth > maxDepth {
		w.skip(prefix, "it is nested too deeply")
		return false, nil
	}
	if err := w.ctx.Err(); err != nil {
		return false, fmt.Errorf("walk %s: %w", w.repo.URL(), err)
	}
	remembers := w.Marked != nil && len(prefix) <= maxPath/2 // one that is too long depends on where the tree is
	if entries, known := w.repo.folders.get(hash); known && remembers {
		for _, entry := range entries {
			if _, err := w.entry(prefix, entry, depth); err != nil {
				return false, err
			}
		}
		return false, nil
	}
	content, err := w.repo.readTree(hash)
	if err != nil {
		return false, w.unreadable(prefix, "tree", hash, err)
	}
	left, whole, err := w.content(prefix, hash, content, depth)
	switch {
	case err != nil:
		return false, err
	case !remembers || !whole:
	case len(left) == 0:
		w.repo.blobs.Put(hash, false)
	default:
		w.repo.folders.put(hash, left)
	}
	return whole && len(left) == 0, nil
}

// content walks the entries of a tree. It returns those that the next walk has to look at again: all but what is
// neither wanted nor passed over, which is said each time. Whole: there is nothing else to say of the tree.
func (w *walker) content(prefix string, hash Hash, content []byte, depth int) (left []treeEntry, whole bool, err error) {
	twice := w.repo.twice(hash, content)
	whole = len(twice) == 0
	for at := 0; at < len(content); {
		entry, next, malformed := nextEntry(content, at)
		if malformed != nil {
			w.skip(prefix, "its tree is unreadable from here on: "+malformed.Error())
			whole = false
			break
		}
		at = next
		if twice[entry.name] {
			w.skip(under(prefix, entry.name), "its folder has this name more than once")
			continue
		}
		skipped := w.listing.SkippedCount
		clean, err := w.entry(prefix, entry, depth)
		if err != nil {
			return nil, false, err
		}
		if !clean || w.listing.SkippedCount != skipped {
			left = append(left, entry)
		}
	}
	return left, whole, nil
}

// under is the path of a name, which may be a hostile one, in a folder.
func under(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "/" + name
}

func (w *walker) entry(prefix string, entry treeEntry, depth int) (clean bool, err error) {
	if w.entries++; w.entries > w.MaxEntries {
		return false, w.repo.fail("walk", ErrTooLarge, fmt.Sprintf("more than %d files and folders: set update.path", w.MaxEntries), nil)
	}
	reason := hostileName(entry.name)
	if len(prefix)+len(entry.name) > maxPath {
		reason = "its path is too long"
	}
	if reason != "" {
		if entry.isTree() || w.matches(entry.name) {
			w.skip(under(prefix, entry.name), reason)
			return false, nil
		}
		return true, nil
	}
	switch name := under(prefix, entry.name); {
	case entry.isTree():
		return w.tree(name, entry.hash, depth+1)
	case w.matches(entry.name):
		return w.file(name, entry)
	default:
		return true, nil
	}
}

func (w *walker) matches(name string) bool { return w.Match == nil || w.Match(name) }

func (w *walker) file(name string, entry treeEntry) (clean bool, err error) {
	switch entry.mode & modeKind {
	case modeRegular:
	case modeSymlink:
		w.skip(name, "it is a symbolic link, which is never followed")
		return false, nil
	default:
		w.skip(name, "it is no regular file")
		return false, nil
	}
	wanted, err := w.wanted(name, entry.hash)
	if err != nil || !wanted {
		return err == nil && !wanted, err
	}
	if len(w.listing.Files) >= w.MaxFiles {
		return false, w.repo.fail("walk", ErrTooLarge, fmt.Sprintf("more than %d marked files: set update.path", w.MaxFiles), nil)
	}
	w.listing.Files = append(w.listing.Files, File{Path: name, Mode: entry.mode, Hash: entry.hash})
	return false, nil
}

// wanted asks Marked about a blob unless the answer is known. A blob that is skipped is wanted no less than
// one that cannot be read: the caller hears of it, every time.
func (w *walker) wanted(name string, hash Hash) (bool, error) {
	if w.Marked == nil {
		return true, nil
	}
	if marked, known := w.repo.blobs.Get(hash); known {
		return marked, nil
	}
	content, err := w.repo.readObject(plumbing.BlobObject, hash, w.MaxFileBytes)
	if errors.Is(err, errObjectTooLarge) {
		w.skip(name, fmt.Sprintf("it is larger than %d bytes", w.MaxFileBytes))
		return false, nil
	}
	if err != nil {
		return false, w.unreadable(name, "blob", hash, err)
	}
	w.listing.Read++
	marked := w.Marked(content)
	w.repo.blobs.Put(hash, marked)
	return marked, nil
}

// unreadable tells the cache's fault, for which it is rebuilt, from the repository's, which is reported and
// passed over: that an object is of another kind than it is said to be, is malformed or too large, or is still
// missing when the cache was rebuilt because of it.
func (w *walker) unreadable(name, kind string, hash Hash, err error) error {
	switch {
	case errors.Is(err, errObjectTooLarge), errors.Is(err, errMalformed):
		w.skip(name, fmt.Sprintf("its %s %s cannot be read: %v", kind, hash, err))
		return nil
	case !errors.Is(err, plumbing.ErrObjectNotFound):
	case w.repo.hasObject(hash):
		w.skip(name, fmt.Sprintf("%s is no %s", hash, kind))
		return nil
	case w.repo.missing == hash:
		w.skip(name, fmt.Sprintf("its %s %s is missing in the repository", kind, hash))
		return nil
	default:
		w.repo.missing = hash
	}
	return w.repo.damage("walk", fmt.Errorf("%s %s: %w", kind, hash, err))
}

func (w *walker) skip(name, reason string) {
	w.listing.SkippedCount++
	if len(w.listing.Skipped) < maxSkipped {
		w.listing.Skipped = append(w.listing.Skipped, Skipped{printable(name), reason})
	}
}

func printable(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl) {
		return name
	}
	return strconv.QuoteToASCII(name)
}

// hostileName tells why a tree entry's name is one that no honest repository has, or "".
func hostileName(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "its name is empty, . or .."
	case strings.ContainsAny(name, "/\\"):
		return "its name has a slash"
	case strings.EqualFold(strings.TrimRight(name, ". "), ".git"), strings.EqualFold(name, "git~1"):
		return "its name is .git"
	case !utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return "its name has bytes that are no text"
	case len(name) > 1000:
		return "its name is too long"
	default:
		return ""
	}
}

// locate finds a path in a tree. The entry's name is the path from the root, "" for the root itself.
func (r *Repo) locate(root Hash, where string) (treeEntry, error) {
	clean := path.Clean("./" + strings.TrimLeft(where, "/"))
	here := treeEntry{mode: modeTree, hash: root}
	if clean == "." {
		return here, nil
	}
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return here, r.fail("walk", ErrPath, fmt.Sprintf("%q leaves the repository", where), nil)
	}
	for name := range strings.SplitSeq(clean, "/") {
		if !here.isTree() {
			return here, r.fail("walk", ErrPath, fmt.Sprintf("%q is no folder", here.name), nil)
		}
		tree, err := r.readTree(here.hash)
		if err != nil && r.hasObject(here.hash) {
			return here, r.fail("walk", ErrPath, fmt.Sprintf("%q cannot be read: %v", here.name, err), nil)
		}
		if err != nil {
			return here, r.damage("walk", err)
		}
		entry, found, err := findEntry(tree, name)
		if err != nil {
			return here, r.fail("walk", ErrPath, fmt.Sprintf("%q cannot be read: %v", here.name, err), nil)
		}
		if !found || hostileName(name) != "" {
			return here, r.fail("walk", ErrPath, fmt.Sprintf("%q does not exist in this commit: correct update.path", where), nil)
		}
		entry.name = path.Join(here.name, name)
		if here = entry; here.mode&modeKind == modeSymlink {
			return here, r.fail("walk", ErrPath, fmt.Sprintf("%q is a symbolic link, which is never followed", here.name), nil)
		}
	}
	if !here.isTree() && !here.isFile() {
		return here, r.fail("walk", ErrPath, fmt.Sprintf("%q is a submodule", here.name), nil)
	}
	return here, nil
}
