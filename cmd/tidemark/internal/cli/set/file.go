// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tidemark-io/tidemark/updater/diff"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// maxBytes is the size of the largest file with markers.
const maxBytes = 8 << 20

// errChanged says that somebody else has written the file.
var errChanged = errors.New("the file was changed by somebody else meanwhile, and is left as that one wants it")

// file handles one file. The error is one that leaves no sense in going on; what is wrong with the file is reported.
func (w *work) file(p place) error {
	before, info, err := p.read()
	if err != nil {
		w.failFile(p, err)
		return nil
	}
	if !marker.Mentions(before) {
		return nil
	}
	result, err := marker.Edit(before, w.choose, marker.Options{MaxBytes: maxBytes})
	if err != nil {
		w.failFile(p, err)
		return nil
	}
	w.report(p, result.Problems)
	if len(result.Changes) == 0 {
		return nil
	}
	if !w.dryRun {
		if err := p.replace(info, before, result.Data); err != nil {
			w.failFile(p, err)
			return nil
		}
	}
	w.take(p, result.Changes)
	if w.show != nil {
		return w.show(diff.Unified(strings.TrimLeft(p.shown, "/"), before, result.Data)) // as git has it
	}
	return nil
}

// read reads the file. Of one that is too large and has no marker it returns nothing: there is nothing to do in it.
func (p place) read() (data []byte, info os.FileInfo, err error) {
	if info, err = p.dir.Lstat(p.name); err != nil {
		return nil, nil, fmt.Errorf("read it: %w", err)
	}
	opened, err := p.dir.Open(p.name)
	if err != nil {
		return nil, nil, fmt.Errorf("read it: %w", err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	now, err := opened.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular() || !os.SameFile(info, now):
		return nil, nil, errChanged
	}
	data, err = io.ReadAll(io.LimitReader(opened, maxBytes+1))
	if err != nil || len(data) <= maxBytes {
		return data, info, err
	}
	mentioned, err := mentions(io.MultiReader(bytes.NewReader(data), opened))
	if err == nil && mentioned {
		err = fmt.Errorf("the file has markers, but is larger than %d MiB", maxBytes>>20)
	}
	return nil, info, err
}

// mentions says whether the text of a marker occurs in a stream, a part of which is in memory at a time.
func mentions(from io.Reader) (bool, error) {
	buffer := make([]byte, 1<<20)
	kept := 0
	for {
		n, err := io.ReadFull(from, buffer[kept:])
		if marker.Mentions(buffer[:kept+n]) {
			return true, nil
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return false, nil
		case err != nil:
			return false, err
		}
		// The text may begin at the end of this part.
		kept = copy(buffer, buffer[len(buffer)-len(marker.Key):])
	}
}
