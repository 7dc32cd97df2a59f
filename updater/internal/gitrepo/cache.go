// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Hash is a Git object id.
type Hash = plumbing.Hash

// A cache beyond these is tended before the next fetch. Every incremental fetch leaves a pack; too many are made
// one. Every commit written here leaves 3 or more loose objects; with too many the cache is thrown away, and
// fetched at depth 1 again. So it is when the packs have more than twice the bytes of the largest (the whole, as
// it was at first, or its history) and slackBytes; one pack has maxPack at most.
const (
	maxPacks        = 100
	maxLooseObjects = 10_000
	slackBytes      = 256 << 20
)

// maxUnpushed is how many commits made here are remembered for a push, maxPacked how many bytes of them packed.
const (
	maxUnpushed = 1000
	maxPacked   = 16 << 20
)

// Repo is a remote repository, its cache and a connection pool. Its methods may be called from any goroutine;
// they run one at a time.
type Repo struct {
	mu          sync.Mutex
	remote      Remote
	dir         string
	lock        *os.File
	conn        connector
	store       *filesystem.Storage
	objects     *objectCache    // of the store
	refs        map[string]Hash // remote reference -> commit, all complete in the cache
	shallow     []Hash
	loose       int               // loose objects, about
	most        int               // packs, maxPacks but for tests
	slack       int64             // bytes, slackBytes but for tests
	damaged     bool              // to be rebuilt by the next Fetch
	missing     Hash              // the object for whose sake it was rebuilt last
	sound       map[Hash]bool     // trees that have no name twice
	made        map[Hash]Commit   // commits made here that no push has sent yet
	packed      map[Hash]packBody // the objects of some of them, for the push
	packedBytes int               // of all these
	takes       *capability.List  // what the server can do with a push, until then
	takesUntil  time.Time
	past        past                                      // history beyond the cache
	blobs       *BlobIndex                                // which blobs and trees have markers
	folders     folders                                   // where they are
	judge       func(content []byte) (marked, known bool) // as the last walk asked
}

// Open opens the cache of a remote under cacheDir, and makes it when it is missing or cannot be read. It does
// not connect. Errors: ErrURL, ErrCredential, ErrCacheInUse, or what the file system says.
func Open(cacheDir string, remote Remote) (*Repo, error) {
	remote, err := remote.normal()
	if err != nil {
		return nil, err
	}
	conn, err := connect(remote)
	if err != nil {
		return nil, err
	}
	r := &Repo{remote: remote, dir: filepath.Join(cacheDir, remote.key()), conn: conn, most: maxPacks, slack: slackBytes}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, r.fail("open", ErrCache, err.Error(), nil)
	}
	if r.lock, err = lockFile(filepath.Join(r.dir, "lock")); err != nil {
		if errors.Is(err, ErrCacheInUse) {
			return nil, r.fail("open", ErrCacheInUse, "", nil)
		}
		return nil, r.fail("open", ErrCache, err.Error(), nil)
	}
	now := time.Now()
	_ = os.Chtimes(r.dir, now, now) // for Prune; a cache that looks older than it is costs a fetch
	r.blobs = loadBlobIndex(filepath.Join(r.dir, "blobindex"))
	if err := r.load(); err != nil {
		if err = r.wipe(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// URL is the remote's, without a credential.
func (r *Repo) URL() string { return Redact(r.remote.URL) }

// Close gives the cache and the connections back.
func (r *Repo) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn.close()
	r.blobs.save(true)
	err := r.closeStore()
	if r.lock != nil {
		err = errors.Join(err, r.lock.Close())
		r.lock = nil
	}
	return err
}

func (r *Repo) closeStore() error {
	if r.store == nil {
		return nil
	}
	err := r.store.Close()
	r.store = nil
	return err
}

// load opens what is in the folder; any error means that it has to be rebuilt.
func (r *Repo) load() error {
	r.refs, r.shallow, r.made, r.damaged = map[string]Hash{}, nil, map[Hash]Commit{}, false
	r.packed, r.packedBytes = map[Hash]packBody{}, 0
	if _, err := os.Stat(r.path("HEAD")); err != nil {
		return err
	}
	var err error
	if r.shallow, err = readShallow(r.path("shallow")); err != nil {
		return err
	}
	if r.refs, err = readRefs(r.path("packed-refs")); err != nil {
		return err
	}
	if err := r.removeLeftovers(); err != nil {
		return err
	}
	r.openStore()
	for _, hash := range r.refs {
		if err := r.complete(hash); err != nil {
			return errors.Join(err, r.closeStore())
		}
	}
	r.loose = r.countLoose()
	return nil
}

func (r *Repo) openStore() {
	r.objects = newObjectCache()
	r.store = filesystem.NewStorageWithOptions(osfs.New(r.dir), r.objects, filesystem.Options{KeepDescriptors: true, ExclusiveAccess: false})
}

// wipe empties the cache. The blob index stays: it is about contents, not about this cache.
func (r *Repo) wipe() error {
	err := r.closeStore()
	for _, name := range []string{"HEAD", "packed-refs", "shallow", "objects", "refs"} {
		err = errors.Join(err, os.RemoveAll(r.path(name)))
	}
	for _, name := range []string{"objects/pack", "objects/info", "refs/heads"} {
		err = errors.Join(err, os.MkdirAll(r.path(name), 0o700))
	}
	config := []byte("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
	err = errors.Join(err, writeFile(r.path("config"), config), writeFile(r.path("HEAD"), []byte("ref: refs/heads/none\n")))
	if err == nil {
		err = r.load()
	}
	if err != nil {
		return r.fail("open", ErrCache, err.Error(), nil)
	}
	return nil
}

// removeLeftovers removes what a fetch that broke off has left behind.
func (r *Repo) removeLeftovers() error {
	var err error
	for _, pattern := range []string{r.path("objects", "pack", "tmp_*"), r.path("incoming-*")} {
		names, globbed := filepath.Glob(pattern)
		err = errors.Join(err, globbed)
		for _, name := range names {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

func (r *Repo) path(names ...string) string {
	return filepath.Join(append([]string{r.dir}, names...)...)
}

// tend keeps the cache within its bounds: it is fetched anew when it is damaged or has grown too large, and its
// small packs are made one when they are too many.
func (r *Repo) tend() error {
	if r.damaged || r.store == nil || r.loose >= maxLooseObjects {
		return r.wipe()
	}
	packs, err := filepath.Glob(r.path("objects", "pack", "*.pack"))
	if err != nil {
		return r.wipe()
	}
	total, largest := int64(0), int64(0)
	for _, pack := range packs {
		if info, err := os.Stat(pack); err == nil {
			total += info.Size()
			largest = max(largest, info.Size())
		}
	}
	if total > 2*largest+r.slack || (len(packs) >= r.most && r.merge() != nil) {
		return r.wipe()
	}
	return nil
}

// reclaim takes the folder back when somebody has removed it under a running process.
func (r *Repo) reclaim() error {
	if _, err := os.Stat(r.path("HEAD")); err == nil {
		return nil
	}
	r.damaged = true
	if _, err := os.Stat(r.path("lock")); err == nil {
		return nil
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	lock, err := lockFile(r.path("lock"))
	if errors.Is(err, ErrCacheInUse) {
		return r.fail("fetch", ErrCacheInUse, "its folder was removed and another process has made it anew", nil)
	}
	if err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	err = r.lock.Close()
	r.lock = lock
	if err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	return nil
}

func (r *Repo) countLoose() int {
	names, err := filepath.Glob(r.path("objects", "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		return 0
	}
	return len(names)
}

// complete tells whether a commit is in the cache and can be read: nil, plumbing.ErrObjectNotFound or damage.
// Objects are stored so that a commit is never there without its tree.
func (r *Repo) complete(commit Hash) error {
	tree, err := r.treeOf(commit)
	if err != nil {
		return err
	}
	_, err = r.readTree(tree)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return errMissingTree
	}
	return err
}

var errMissingTree = errors.New("a commit's tree is missing")

var refLine = regexp.MustCompile(`^([0-9a-f]{40}) (refs/[\x21-\x7e\x80-\xff]+)$`)

// readRefs reads packed-refs; a file that is missing is empty.
func readRefs(path string) (map[string]Hash, error) {
	refs := map[string]Hash{}
	err := eachLine(path, func(line string) error {
		match := refLine.FindStringSubmatch(line)
		if match == nil {
			return fmt.Errorf("%s: malformed line %q", filepath.Base(path), line)
		}
		refs[match[2]] = plumbing.NewHash(match[1])
		return nil
	})
	return refs, err
}

// readShallow reads shallow; a file that is missing is empty.
func readShallow(path string) ([]Hash, error) {
	var hashes []Hash
	err := eachLine(path, func(line string) error {
		if !plumbing.IsHash(line) {
			return fmt.Errorf("%s: malformed line %q", filepath.Base(path), line)
		}
		hashes = append(hashes, plumbing.NewHash(line))
		return nil
	})
	return hashes, err
}

func eachLine(path string, take func(string) error) error {
	content, err := os.ReadFile(path) // #nosec G304 -- inside the cache
	if errors.Is(err, fs.ErrNotExist) || len(content) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	text, whole := strings.CutSuffix(string(content), "\n")
	if !whole {
		return fmt.Errorf("%s is cut off", filepath.Base(path))
	}
	for line := range strings.SplitSeq(text, "\n") {
		if err := take(line); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repo) saveRefs() error {
	var b strings.Builder
	names := make([]string, 0, len(r.refs))
	for name := range r.refs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(r.refs[name].String() + " " + name + "\n")
	}
	return writeFile(r.path("packed-refs"), []byte(b.String()))
}

// saveShallow moves the boundary.
func (r *Repo) saveShallow(add, remove []Hash) error {
	if len(add)+len(remove) == 0 {
		return nil
	}
	kept := make(map[Hash]bool, len(r.shallow)+len(add))
	for _, hash := range slices.Concat(r.shallow, add) {
		kept[hash] = true
	}
	for _, hash := range remove {
		delete(kept, hash)
	}
	shallow := slices.SortedFunc(maps.Keys(kept), func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	var b strings.Builder
	for _, hash := range shallow {
		b.WriteString(hash.String() + "\n")
	}
	if err := writeFile(r.path("shallow"), []byte(b.String())); err != nil {
		return err
	}
	r.shallow = shallow
	return nil
}

// writeFile replaces a file in one step.
func writeFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Prune removes the caches under cacheDir that nobody has opened for a while and that are not in use now.
func Prune(cacheDir string, unusedFor time.Duration) error {
	entries, err := os.ReadDir(cacheDir)
	if err != nil {
		return fmt.Errorf("prune caches: %w", err)
	}
	var failed error
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || len(entry.Name()) != 32 || time.Since(info.ModTime()) < unusedFor {
			continue
		}
		lock, err := lockFile(filepath.Join(cacheDir, entry.Name(), "lock"))
		if err != nil {
			continue
		}
		failed = errors.Join(failed, os.RemoveAll(filepath.Join(cacheDir, entry.Name())), lock.Close())
	}
	return failed
}
