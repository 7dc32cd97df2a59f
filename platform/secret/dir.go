// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// dataLink is the link that a kubelet moves from one generation of a mounted volume to the next.
const dataLink = "..data"

// Dir is the source whose secrets are folders, <dir>/<namespace>/<name>/, and whose keys are the files in them. The
// files are read at each Get. Folders may be links where a kubelet makes them, "x -> ..data/x", and key files may be
// links that stay in the secret's folder; a key that leads out of it is an error, and names that Kubernetes would not
// take for keys, folders, sockets and the like are passed over. An empty dir has no secrets, and need not exist.
func Dir(dir string) Source {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails, says its documentation
	return &folder{dir: dir, key: key}
}

type folder struct {
	dir string
	key []byte // of the versions' HMAC: a bare hash of a short password would tell it
}

func (d *folder) Get(ctx context.Context, namespace, name string) (Secret, string, error) {
	if err := checkName(namespace, name); err != nil {
		return nil, "", err
	}
	if d.dir == "" {
		return nil, "", notFound(namespace, name)
	}
	s, err := d.read(ctx, namespace, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", notFound(namespace, name)
	case err != nil:
		return nil, "", fmt.Errorf("read secret %s/%s: %w", namespace, name, err)
	}
	return s, d.version(s), nil
}

// read starts again when the volume changed meanwhile, so that no secret is half old and half new.
func (d *folder) read(ctx context.Context, namespace, name string) (Secret, error) {
	for range 5 {
		before := d.generation(namespace, name)
		s, err := d.readOnce(namespace, name)
		if after := d.generation(namespace, name); after == before {
			return s, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err() // Get wraps it
		}
	}
	return nil, errors.New("it changes while it is being read")
}

// generation is where the kubelet's links point, on each level that may have one.
func (d *folder) generation(namespace, name string) string {
	var targets [3]string
	for i, level := range []string{"", namespace, path.Join(namespace, name)} {
		target, err := os.Readlink(path.Join(d.dir, level, dataLink))
		if err != nil {
			target = "" // no such link
		}
		targets[i] = target
	}
	return strings.Join(targets[:], "\n")
}

func (d *folder) readOnce(namespace, name string) (Secret, error) {
	top, err := os.OpenRoot(d.dir)
	if err != nil {
		return nil, err // Get wraps it
	}
	defer closeQuietly(top)
	space, err := descend(top, namespace)
	if err != nil {
		return nil, err
	}
	defer closeQuietly(space)
	own, err := descend(space, name)
	if err != nil {
		return nil, err
	}
	defer closeQuietly(own)
	return readKeys(own)
}

// descend opens a folder within root: a real one, or the kubelet's link to it.
func descend(root *os.Root, name string) (*os.Root, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err // Get wraps it
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := root.Readlink(name)
		if err != nil {
			return nil, err
		}
		if target != path.Join(dataLink, name) {
			return nil, fmt.Errorf("%s is a link to elsewhere", name)
		}
	}
	return root.OpenRoot(name)
}

func readKeys(own *os.Root) (Secret, error) {
	list, err := own.Open(".")
	if err != nil {
		return nil, err // Get wraps it
	}
	defer closeQuietly(list)
	// The generations' folders and what else is no key come on top of the keys.
	entries, err := list.ReadDir(2*MaxKeys + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > 2*MaxKeys {
		return nil, ErrTooLarge
	}
	s := make(Secret)
	left := MaxSize
	for _, entry := range entries {
		key := entry.Name()
		if strings.HasPrefix(key, "..") || !keyName.MatchString(key) {
			continue
		}
		value, ok, err := readKey(own, key, left-len(key))
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", key, err)
		}
		if ok {
			s[key] = value
			left -= len(key) + len(value)
		}
	}
	if len(s) > MaxKeys {
		return nil, ErrTooLarge
	}
	return s, nil
}

// readKey reads a regular file of at most limit bytes. Opened without waiting, a FIFO put there meanwhile blocks nobody.
func readKey(own *os.Root, key string, limit int) (value []byte, ok bool, err error) {
	f, err := own.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil // a socket; a key that is just being removed
	}
	if err != nil {
		return nil, false, err // the caller wraps it
	}
	defer closeQuietly(f)
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, nil
	}
	if limit < 0 || info.Size() > int64(limit) {
		return nil, false, ErrTooLarge
	}
	value, err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(value) > limit {
		err = ErrTooLarge
	}
	return value, true, err
}

func (d *folder) version(s Secret) string {
	mac := hmac.New(sha256.New, d.key)
	for _, key := range slices.Sorted(maps.Keys(s)) {
		for _, part := range [][]byte{[]byte(key), s[key]} {
			_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash takes everything
			_, _ = mac.Write(part)
		}
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// closeQuietly: what was only read cannot lose anything by a failing close.
func closeQuietly(c io.Closer) { _ = c.Close() }
