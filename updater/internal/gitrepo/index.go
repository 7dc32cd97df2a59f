// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"os"
	"sync"
)

// indexSize is how many hashes a Repo's index holds: two generations of half as many, about 60 bytes each in
// memory and 21 on disk.
const indexSize = 1 << 19

// BlobIndex remembers by object id whether a blob has markers, and which trees have none anywhere beneath, so
// that each content is looked at once and not once per run. It is bounded: when the younger generation is
// full, what was not asked for during its life is forgotten. It may be used from any goroutine.
type BlobIndex struct {
	mu         sync.Mutex
	path       string // where it is saved
	version    string // what "marked" means
	half       int
	young, old map[Hash]bool
	unsaved    int
}

// NewBlobIndex makes an empty index of at most size hashes, kept in memory only.
func NewBlobIndex(size int) *BlobIndex {
	return &BlobIndex{half: max(1, size/2), young: map[Hash]bool{}, old: map[Hash]bool{}}
}

// Get tells whether an object is marked, and whether that is known.
func (x *BlobIndex) Get(hash Hash) (marked, known bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if marked, known = x.young[hash]; known {
		return marked, true
	}
	if marked, known = x.old[hash]; known {
		x.add(hash, marked)
	}
	return marked, known
}

// Put remembers whether an object is marked.
func (x *BlobIndex) Put(hash Hash, marked bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(hash, marked)
	x.unsaved++
}

func (x *BlobIndex) add(hash Hash, marked bool) {
	if len(x.young) >= x.half {
		x.old, x.young = x.young, map[Hash]bool{}
	}
	x.young[hash] = marked
}

// Len is the number of hashes held.
func (x *BlobIndex) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.young) + len(x.old)
}

// use empties the index, and tells so, unless it was made for this version of the question.
func (x *BlobIndex) use(version string) (emptied bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.version == version {
		return false
	}
	x.version, x.young, x.old = version, map[Hash]bool{}, map[Hash]bool{}
	return true
}

// indexMagic is the first line of a saved index. The version, the records (hash, 1 or 0) and a checksum of all
// that follow: a bit that flipped on the disk would hide a marker for ever.
const indexMagic = "tidemark blob index 2\n"

// loadBlobIndex reads a saved index; what cannot be read is an empty one.
func loadBlobIndex(path string) *BlobIndex {
	x := NewBlobIndex(indexSize)
	x.path = path
	const most = int64(len(indexMagic)) + 1000 + indexSize*(int64(len(Hash{}))+1)
	if info, err := os.Stat(path); err != nil || info.Size() > most {
		return x
	}
	content, err := os.ReadFile(path) // #nosec G304 -- inside the cache
	if err != nil {
		return x
	}
	if len(content) < crc32.Size {
		return x
	}
	content, sum := content[:len(content)-crc32.Size], content[len(content)-crc32.Size:]
	if binary.BigEndian.Uint32(sum) != checksum(content) {
		return x
	}
	content, ours := bytes.CutPrefix(content, []byte(indexMagic))
	version, records, whole := bytes.Cut(content, []byte("\n"))
	const record = len(Hash{}) + 1
	if !ours || !whole || len(records)%record != 0 {
		return x
	}
	x.version = string(version)
	for ; len(records) > 0; records = records[record:] {
		x.add(Hash(records[:record-1]), records[record-1] == 1)
	}
	return x
}

func checksum(content []byte) uint32 {
	return crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))
}

// save writes the index when enough of it is new: often enough that a restart finds most, seldom enough that
// a run that read one new blob does not write megabytes. Failing costs only work.
func (x *BlobIndex) save(now bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.path == "" || x.unsaved == 0 || (!now && x.unsaved < 256+(len(x.young)+len(x.old))/8) {
		return
	}
	var b bytes.Buffer
	b.WriteString(indexMagic + x.version + "\n")
	put := func(hash Hash, marked bool) {
		b.Write(hash[:])
		if marked {
			b.WriteByte(1)
		} else {
			b.WriteByte(0)
		}
	}
	for hash, marked := range maps.All(x.old) {
		if _, again := x.young[hash]; !again {
			put(hash, marked)
		}
	}
	for hash, marked := range maps.All(x.young) {
		put(hash, marked)
	}
	if writeFile(x.path, binary.BigEndian.AppendUint32(b.Bytes(), checksum(b.Bytes()))) == nil {
		x.unsaved = 0
	}
}
