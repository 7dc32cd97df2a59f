// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads a file, or a folder with all its folders: every `.yaml`, `.yml` and `.json`, in the order of their paths.
// Names that begin with a dot are left out; a link is followed to a file inside the folder (what a mounted ConfigMap is
// made of), never out of it, and never to a folder. A name given to Load itself may be anything that can be read. What is
// wrong with a single file is in the set; the error says that path itself cannot be read.
func (c *Codec) Load(path string, opts Options) (*Set, error) {
	found, err := list(path, opts.withDefaults())
	if err != nil {
		return nil, err
	}
	defer found.close()
	set, _ := c.load(found, opts)
	return set, nil
}

// Read reads all documents of a stream, for example of stdin; name is what errors call it. The error is the stream's.
func (c *Codec) Read(name string, from io.Reader, opts Options) (*Set, error) {
	limit := opts.withDefaults().MaxFileBytes
	data, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c.Decode(name, data, opts), nil
}

// files is what a path holds: itself, or the manifests of the folder that it is.
type files struct {
	path    string
	root    *os.Root // nil: path is no folder
	names   []string // relative to root, sorted
	entries []seen   // of names
	errors  []*Error
	looked  int
}

func (f *files) close() {
	if f.root != nil {
		_ = f.root.Close()
	}
}

func list(name string, opts Options) (*files, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("load manifests: %w", err)
	}
	f := &files{path: name}
	if !info.IsDir() {
		f.names, f.entries = []string{""}, []seen{seenOf("", info)}
		return f, nil
	}
	if f.root, err = os.OpenRoot(name); err != nil {
		return nil, fmt.Errorf("load manifests: %w", err)
	}
	if err := f.walk(".", 0); err != nil {
		f.close()
		return nil, fmt.Errorf("load manifests: %w", err)
	}
	slices.Sort(f.names)
	if len(f.names) > opts.MaxFiles {
		f.errors = append(f.errors, &Error{File: name, Sentence: fmt.Sprintf(
			"the folder holds %d manifests; only the first %d are read, split it", len(f.names), opts.MaxFiles)})
		f.names = f.names[:opts.MaxFiles]
	}
	f.look()
	return f, nil
}

// walk gathers the names of a folder's manifests. Only that the folder itself cannot be read is an error to return.
func (f *files) walk(dir string, depth int) error {
	if depth > maxFolderDepth {
		f.fail(dir, fmt.Sprintf("folders are nested deeper than %d; what is in this one is not read", maxFolderDepth))
		return nil
	}
	entries, err := f.readDir(dir)
	if err != nil && depth == 0 {
		return err
	}
	if err != nil {
		f.fail(dir, "cannot be read: "+reason(err))
		return nil
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if err := f.walk(name, depth+1); err != nil {
				return err
			}
		case isManifestName(e.Name()):
			f.names = append(f.names, name)
		}
	}
	return nil
}

// readDir reads a folder's entries up to the bound on all of them.
func (f *files) readDir(dir string) ([]fs.DirEntry, error) {
	d, err := f.root.Open(dir)
	if err != nil {
		return nil, err //nolint:wrapcheck // The caller says which folder.
	}
	defer func() { _ = d.Close() }()
	left := maxFolderEntries - f.looked
	if left <= 0 {
		return nil, nil
	}
	entries, err := d.ReadDir(left)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err //nolint:wrapcheck // As above.
	}
	if f.looked += len(entries); f.looked >= maxFolderEntries {
		f.fail(dir, fmt.Sprintf("the folder holds more than %d names; the rest is not read, split it", maxFolderEntries))
	}
	return entries, nil
}

func isManifestName(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// shownName is a file's name as errors have it.
func (f *files) shownName(name string) string { return filepath.Join(f.path, filepath.FromSlash(name)) }

func (f *files) fail(name, sentence string) {
	f.errors = append(f.errors, &Error{File: f.shownName(name), Sentence: sentence})
}

// look takes down what each file looks like, and leaves out what is no file.
func (f *files) look() {
	names := f.names[:0]
	for _, name := range f.names {
		info, err := f.root.Stat(name)
		switch {
		case err != nil:
			f.fail(name, "cannot be read: "+reason(err))
		case info.IsDir():
			f.fail(name, "a link to a folder is not followed; put the folder itself here")
		case !info.Mode().IsRegular():
			f.fail(name, "no regular file; it is not read")
		default:
			names = append(names, name)
			f.entries = append(f.entries, seenOf(name, info))
		}
	}
	f.names = names
}

// reason is an error without the path, which the caller shows, and in words for a link that leads out of the folder.
func reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	if strings.Contains(err.Error(), "escapes") {
		return "it is a link that leads out of the folder; copy the file here"
	}
	return err.Error()
}

// read reads one file up to the bound, and one byte more if there is one.
func (f *files) read(name string, limit int64) (data []byte, err error) {
	var file *os.File
	if f.root == nil {
		file, err = os.Open(f.path)
	} else {
		file, err = f.root.Open(name)
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // The caller says which file.
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, limit+1)) //nolint:wrapcheck // As above.
}
