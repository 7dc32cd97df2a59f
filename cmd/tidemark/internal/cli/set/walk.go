// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// Bounds on a folder.
const (
	maxEntries    = 1_000_000
	maxCandidates = 100_000
	maxDepth      = 200
)

// place is a file in an open folder. What is done with it cannot leave the folder, whatever is renamed or linked meanwhile.
type place struct {
	dir  *os.Root
	name string
	// shown is what the file is called to people: with slashes, beginning with --path.
	shown string
}

// walk handles the file, or all candidates of the folder. The error is one that leaves no sense in going on.
func (w *work) walk(ctx context.Context, path string) (err error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return fmt.Errorf("--path: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("--path %s is a symbolic link, and none is followed; name what it points to", path)
	case info.IsDir():
		dir, err := os.OpenRoot(path)
		if err != nil {
			return fmt.Errorf("--path: %w", err)
		}
		return w.folder(ctx, dir, filepath.Clean(path), 0)
	case !info.Mode().IsRegular():
		return fmt.Errorf("--path %s is no folder and no file", path)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("--path: %w", err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return w.file(place{dir: dir, name: filepath.Base(path), shown: filepath.ToSlash(filepath.Clean(path))})
}

// folder handles all that is below an open folder, in the order of the names, and closes it.
func (w *work) folder(ctx context.Context, dir *os.Root, shown string, depth int) (err error) {
	defer func() { err = errors.Join(err, dir.Close()) }()
	entries, err := w.entries(dir)
	if errors.Is(err, errBound) {
		return err
	}
	if err != nil {
		w.fail(problem{Path: filepath.ToSlash(shown), Message: "list it: " + sentence(err)})
		return nil
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.entry(ctx, dir, entry, shown, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) entry(ctx context.Context, dir *os.Root, entry fs.DirEntry, shown string, depth int) error {
	at := filepath.ToSlash(filepath.Join(shown, entry.Name()))
	switch {
	case entry.Name() == ".git":
		return nil
	case entry.IsDir() && depth == maxDepth:
		w.fail(problem{Path: at, Message: fmt.Sprintf("folders are looked into %d deep and no deeper", maxDepth)})
		return nil
	case entry.IsDir():
		below, err := dir.OpenRoot(entry.Name())
		if err != nil {
			w.fail(problem{Path: at, Message: "open it: " + sentence(err)})
			return nil
		}
		return w.folder(ctx, below, filepath.Join(shown, entry.Name()), depth+1)
	case !entry.Type().IsRegular() || !marker.Candidate(entry.Name()):
		return nil
	}
	if w.candidates++; w.candidates > maxCandidates {
		return fmt.Errorf("more than %d YAML files: %w", maxCandidates, errBound)
	}
	return w.file(place{dir: dir, name: entry.Name(), shown: at})
}

// errBound says that a bound of all work together is reached.
var errBound = errors.New("this is too much for one run; give --path a folder further down")

// entries are a folder's entries, ordered by name.
func (w *work) entries(dir *os.Root) (all []fs.DirEntry, err error) {
	opened, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	for {
		some, err := opened.ReadDir(1000)
		all = append(all, some...)
		if w.entriesSeen += len(some); w.entriesSeen > maxEntries {
			return nil, fmt.Errorf("more than %d files and folders: %w", maxEntries, errBound)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// sentence is an error without the path, which is told in front of it.
func sentence(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return strings.Replace(err.Error(), path.Error(), path.Err.Error(), 1)
	}
	return err.Error()
}
