// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"crypto/sha1" // #nosec G505 -- Git's
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

const (
	packHeader  = 12
	packTrailer = sha1.Size
)

var errTwicePacked = errors.New("an object is in two packs")

// merge makes one pack of all but the largest. What is in them is copied as it is: a delta names its base by
// the distance between the two, or by its id, and both stay what they are. It fails when an object is in two
// packs; the cache is better fetched anew then.
func (r *Repo) merge() error {
	names, err := r.smallPacks()
	if err != nil {
		return err
	}
	m, err := r.newMerger()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err = m.add(name); err != nil {
			break
		}
	}
	var merged string
	if err == nil {
		merged, err = m.finish(r.path("objects", "pack"))
	}
	if err != nil {
		return errors.Join(err, m.file.Close(), os.Remove(m.file.Name()))
	}
	err = r.closeStore() // which has the old ones open
	for _, name := range names {
		if name != merged {
			err = errors.Join(err, os.Remove(name+".idx"), os.Remove(name+".pack"))
		}
	}
	r.openStore()
	return err
}

// smallPacks are the paths of all packs but the largest, without .pack.
func (r *Repo) smallPacks() ([]string, error) {
	packs, err := filepath.Glob(r.path("objects", "pack", "*.pack"))
	if err != nil {
		return nil, err
	}
	largest, most := 0, int64(-1)
	for i, pack := range packs {
		info, err := os.Stat(pack)
		if err != nil {
			return nil, err
		}
		if info.Size() > most {
			largest, most = i, info.Size()
		}
		packs[i] = pack[:len(pack)-len(".pack")]
	}
	return append(packs[:largest], packs[largest+1:]...), nil
}

// merger is a pack under construction.
type merger struct {
	file    *os.File
	at      int64 // where the next object goes
	entries []idxfile.Entry
	seen    map[Hash]bool
}

func (r *Repo) newMerger() (*merger, error) {
	file, err := os.CreateTemp(r.path("objects", "pack"), "tmp_merge_*")
	if err != nil {
		return nil, err
	}
	m := &merger{file: file, at: packHeader, seen: map[Hash]bool{}}
	if _, err := file.Seek(packHeader, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return m, nil
}

// add copies the objects of a pack.
func (m *merger) add(name string) (err error) {
	index, err := readIndex(name + ".idx")
	if err != nil {
		return err
	}
	pack, err := os.Open(name + ".pack") // #nosec G304 -- inside the cache
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pack.Close()) }()
	info, err := pack.Stat()
	if err != nil {
		return err
	}
	objects, err := index.Entries()
	if err != nil {
		return err
	}
	for {
		entry, err := objects.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if m.seen[entry.Hash] {
			return fmt.Errorf("%w: %s", errTwicePacked, entry.Hash)
		}
		m.seen[entry.Hash] = true
		m.entries = append(m.entries, idxfile.Entry{Hash: entry.Hash, CRC32: entry.CRC32, Offset: entry.Offset - packHeader + uint64(m.at)}) // #nosec G115 -- a file's offset
	}
	body := info.Size() - packHeader - packTrailer
	n, err := io.Copy(m.file, io.NewSectionReader(pack, packHeader, body))
	if err == nil && n != body {
		err = io.ErrUnexpectedEOF
	}
	m.at += n
	return err
}

func readIndex(path string) (_ *idxfile.MemoryIndex, err error) {
	file, err := os.Open(path) // #nosec G304 -- inside the cache
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	index := idxfile.NewMemoryIndex()
	return index, idxfile.NewDecoder(file).Decode(index)
}

// finish writes header, checksum and index and gives the pack its name, which it returns without .pack.
func (m *merger) finish(folder string) (string, error) {
	if len(m.entries) > math.MaxInt32 {
		return "", errPackTooLarge
	}
	header := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(m.entries))) // #nosec G115 -- see above
	if _, err := m.file.WriteAt(header, 0); err != nil {
		return "", err
	}
	sum, err := m.checksum()
	if err != nil {
		return "", err
	}
	if _, err := m.file.WriteAt(sum[:], m.at); err != nil {
		return "", err
	}
	index, err := indexOf(m.entries, sum)
	if err != nil {
		return "", err
	}
	name := filepath.Join(folder, "pack-"+sum.String())
	if err := writeIndex(name+".idx", index); err != nil {
		return "", err
	}
	return name, errors.Join(m.file.Close(), os.Rename(m.file.Name(), name+".pack"))
}

func (m *merger) checksum() (sum Hash, err error) {
	if _, err := m.file.Seek(0, io.SeekStart); err != nil {
		return sum, err
	}
	hasher := sha1.New() // #nosec G401 -- Git's
	if _, err := io.CopyN(hasher, m.file, m.at); err != nil {
		return sum, err
	}
	return plumbing.Hash(hasher.Sum(nil)), nil
}

func writeIndex(path string, from *idxfile.Writer) (err error) {
	index, err := from.Index()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // #nosec G304 -- inside the cache
	if err != nil {
		return err
	}
	_, err = idxfile.NewEncoder(file).Encode(index)
	return errors.Join(err, file.Close())
}
