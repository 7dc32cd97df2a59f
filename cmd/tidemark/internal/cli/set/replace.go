// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
)

// replace puts a new file in the place of the old one, at one stroke and with its mode and owner, unless the old one is
// no longer as it was read.
func (p place) replace(info os.FileInfo, before, after []byte) (err error) {
	name := "." + p.name[:min(len(p.name), 100)] + ".tidemark-" + rand.Text()
	temporary, err := p.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make a file beside it: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.dir.Remove(name))
		}
	}()
	if err := errors.Join(fill(temporary, info, after), temporary.Close()); err != nil {
		return fmt.Errorf("write a file beside it: %w", err)
	}
	now, same, err := p.read()
	switch {
	case err != nil:
		return err
	case !os.SameFile(info, same) || !bytes.Equal(before, now):
		return errChanged
	}
	if err := p.dir.Rename(name, p.name); err != nil {
		return fmt.Errorf("put the new file in its place: %w", err)
	}
	return p.syncFolder()
}

// fill writes the new file and makes it last.
func fill(file *os.File, info os.FileInfo, content []byte) error {
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := keepOwner(file, info); err != nil {
		return fmt.Errorf("the owner could not be kept: %w", err)
	}
	// After the owner: a change of that takes set-id bits away.
	if err := file.Chmod(info.Mode()); err != nil {
		return err
	}
	return file.Sync()
}

// syncFolder makes the new name last. Where folders cannot be synced there is nothing to do: the file is written.
func (p place) syncFolder() error {
	folder, err := p.dir.Open(".")
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	_ = folder.Sync() // see above
	return folder.Close()
}
