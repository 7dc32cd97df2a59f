// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"crypto/sha1" // #nosec G505 -- Git's
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
	"github.com/klauspost/compress/zlib"
)

// packBody is objects as a pack has them, one after the other and none as a delta. A pack is a header, any of these,
// and a checksum, so that what was packed once can go into another pack as it is.
type packBody struct {
	bytes   []byte
	objects []packedObject
}

type packedObject struct {
	hash Hash
	at   int // where its first byte is
	crc  uint32
}

// packer packs objects. They are small and many: one deflater is used for all.
type packer struct {
	out     bytes.Buffer
	objects []packedObject
	deflate *zlib.Writer
}

func newPacker() (*packer, error) {
	p := &packer{}
	var err error
	p.deflate, err = zlib.NewWriterLevel(&p.out, zlib.BestSpeed)
	return p, err
}

// add packs an object: its kind and size (4 bits, and 7 in each byte that follows), and its content.
func (p *packer) add(kind plumbing.ObjectType, hash Hash, content []byte) error {
	at := p.out.Len()
	size := len(content)
	head := byte(kind)<<4 | byte(size&15) // #nosec G115 -- one of 1 to 4
	for size >>= 4; size > 0; size >>= 7 {
		p.out.WriteByte(head | 0x80)
		head = byte(size & 0x7f)
	}
	p.out.WriteByte(head)
	p.deflate.Reset(&p.out)
	if _, err := p.deflate.Write(content); err != nil {
		return err
	}
	if err := p.deflate.Close(); err != nil {
		return err
	}
	p.objects = append(p.objects, packedObject{hash, at, crc32.ChecksumIEEE(p.out.Bytes()[at:])})
	return nil
}

// done is all that was added. The packer is not used any more.
func (p *packer) done() packBody { return packBody{p.out.Bytes(), p.objects} }

// first is the first n of the objects.
func (p packBody) first(n int) packBody {
	if n == len(p.objects) {
		return p
	}
	return packBody{p.bytes[:p.objects[n].at], p.objects[:n]}
}

// objectID is the id of an object that is made here; nobody could gain by a collision.
func objectID(kind plumbing.ObjectType, content []byte) (hash Hash) {
	hasher := sha1.New() // #nosec G401 -- Git's
	head := append(append(make([]byte, 0, 32), kind.Bytes()...), ' ')
	_, _ = hasher.Write(append(strconv.AppendInt(head, int64(len(content)), 10), 0)) // never fails
	_, _ = hasher.Write(content)
	return Hash(hasher.Sum(hash[:0]))
}

// pack is what a pack of so many packed objects consists of, header and checksum included.
func pack(objects int, parts ...[]byte) (whole [][]byte, sum Hash, err error) {
	if objects > math.MaxInt32 {
		return nil, sum, errPackTooLarge
	}
	header := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(objects)) // #nosec G115 -- see above
	whole = append([][]byte{header}, parts...)
	hasher := sha1.New() // #nosec G401 -- Git's
	for _, part := range whole {
		_, _ = hasher.Write(part) // never fails
	}
	hasher.Sum(sum[:0])
	return append(whole, sum[:]), sum, nil
}

// reading is the parts one after the other, and their length.
func reading(parts [][]byte) (io.Reader, int) {
	readers, length := make([]io.Reader, len(parts)), 0
	for i, part := range parts {
		readers[i] = bytes.NewReader(part)
		length += len(part)
	}
	return io.MultiReader(readers...), length
}

// storePack puts packed objects into the cache as a pack of their own, with its index. The pack gets its name
// last, which is what makes it visible.
func (r *Repo) storePack(objects packBody) error {
	whole, sum, err := pack(len(objects.objects), objects.bytes)
	if err != nil {
		return err
	}
	name := r.path("objects", "pack", "pack-"+sum.String())
	if _, err := os.Stat(name + ".pack"); err == nil {
		return nil // it is here already: a preview's, or a try's before
	}
	entries := make([]idxfile.Entry, len(objects.objects))
	for i, object := range objects.objects {
		entries[i] = idxfile.Entry{Hash: object.hash, CRC32: object.crc, Offset: packHeader + uint64(object.at)} // #nosec G115 -- not negative
	}
	index, err := indexOf(entries, sum)
	if err != nil {
		return err
	}
	if err := writeIndex(name+".idx", index); err != nil {
		return err
	}
	if err := writeParts(name+".pack", whole); err != nil {
		return err
	}
	return r.announce(sum, index)
}

func writeParts(path string, parts [][]byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "tmp_pack_*")
	if err != nil {
		return err
	}
	from, _ := reading(parts)
	_, err = io.Copy(file, from)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// announce tells the store of a pack that was put beside the others. Its own way would be to write the pack
// through it, which inflates and hashes every object again; what it does at the end of that is done here. Else it
// would have to read all indexes again.
func (r *Repo) announce(sum Hash, index *idxfile.Writer) error {
	writer, err := r.store.PackfileWriter()
	if err != nil {
		return err
	}
	if err := writer.Close(); err != nil { // nothing was written, so nothing is left of it
		return err
	}
	if its, can := writer.(*dotgit.PackWriter); can && its.Notify != nil {
		its.Notify(sum, index)
		return nil
	}
	err = r.closeStore()
	r.openStore()
	return err
}

// indexOf makes the index of a pack.
func indexOf(entries []idxfile.Entry, sum Hash) (*idxfile.Writer, error) {
	if len(entries) > math.MaxInt32 {
		return nil, errPackTooLarge
	}
	index := new(idxfile.Writer)
	if err := index.OnHeader(uint32(len(entries))); err != nil { // #nosec G115 -- see above
		return nil, err
	}
	for _, entry := range entries {
		index.Add(entry.Hash, entry.Offset, entry.CRC32)
	}
	if err := index.OnFooter(sum); err != nil {
		return nil, fmt.Errorf("index a pack: %w", err)
	}
	return index, nil
}
