// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitfiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/remotes"
)

// The bounds where Config sets none.
const (
	defaultTimeout    = time.Minute
	defaultFiles      = 10_000
	defaultFileBytes  = 4 << 20
	defaultTotalBytes = 64 << 20
)

// Config says what is looked at, and how much of it.
type Config struct {
	Address Address
	// Dir keeps the cache; nobody else may use it at the same time. All in there can be had again. Required.
	Dir string
	// Secret is the credential's name in the namespace flux-system of Secrets, with the keys of a GitRepository's. It is read
	// at each look. Empty: anonymous.
	Secret  string
	Secrets secret.Source
	// Match tells by a file's base name whether it is wanted. Nil: every file. Names that begin with a dot, and what is in
	// folders of such names, are never.
	Match func(name string) bool
	// Timeout bounds one look. Zero: a minute.
	Timeout time.Duration
	// MaxFiles bounds the wanted files, MaxFileBytes each and MaxTotalBytes all of them. Zero: 10,000, 4 MiB, 64 MiB.
	MaxFiles                    int
	MaxFileBytes, MaxTotalBytes int64
}

// Repository looks at one address. Its methods may be called from any goroutine; they run one at a time.
type Repository struct {
	cfg  Config
	pool *remotes.Pool

	mu   sync.Mutex
	last *Snapshot
}

// Snapshot is what an address held at one commit. It must not be changed.
type Snapshot struct {
	// Revision is as Flux writes it: `main@sha1:<commit>`.
	Revision string
	// Files are in the order of their paths in the tree.
	Files []File
	// Skipped were passed over although they match.
	Skipped []Skipped
}

// File is one file.
type File struct {
	Path    string // from the repository's root
	Content []byte
}

// Skipped is what was passed over.
type Skipped struct {
	Path   string
	Reason string // a sentence
}

// Open makes a Repository; it connects to nothing yet. Errors: what the file system says of Dir.
func Open(cfg Config) (*Repository, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxFiles = cmp.Or(cfg.MaxFiles, defaultFiles)
	cfg.MaxFileBytes = cmp.Or(cfg.MaxFileBytes, defaultFileBytes)
	cfg.MaxTotalBytes = cmp.Or(cfg.MaxTotalBytes, defaultTotalBytes)
	if cfg.Secrets == nil {
		cfg.Secrets = &secret.Memory{}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the Git cache: %w", err)
	}
	r := &Repository{cfg: cfg, pool: remotes.New(cfg.Dir, cfg.Secrets)}
	if err := r.pool.Prune(); err != nil {
		return nil, fmt.Errorf("look at the folder of the Git cache: %w", err)
	}
	return r, nil
}

// Close gives the cache and the connections back.
func (r *Repository) Close() error {
	if err := r.pool.Close(); err != nil {
		return fmt.Errorf("close the Git cache: %w", err)
	}
	return nil
}

// Look fetches, and returns what the address holds now. While the commit is the same it is the very Snapshot that was
// returned before. Errors are one sentence that says what to do, with no credential in it; the next Look may succeed.
func (r *Repository) Look(ctx context.Context) (*Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	looking, cancel := context.WithTimeoutCause(ctx, r.cfg.Timeout, fmt.Errorf("not done within %s", r.cfg.Timeout))
	defer cancel()
	source, err := r.source(looking)
	if err != nil {
		return nil, err
	}
	repo, release, err := r.pool.Open(looking, source)
	if err != nil {
		return nil, explain(err)
	}
	defer release()
	// A cache whose damage shows only in reading is fetched anew by the next fetch.
	for attempt := 0; ; attempt++ {
		snapshot, err := r.look(looking, repo)
		if err == nil {
			r.last = snapshot
			return snapshot, nil
		}
		if attempt == 2 || !errors.Is(err, gitrepo.ErrCacheDamaged) {
			return nil, explain(err)
		}
	}
}

// source is the repository as the pool takes it, with the provider that the secret's keys are for.
func (r *Repository) source(ctx context.Context) (*updaterv1.GitRepository, error) {
	source := &updaterv1.GitRepository{
		Metadata: &metav1.ObjectMeta{Namespace: object.DefaultNamespace, Name: "manifests"},
		Spec:     &updaterv1.GitRepositorySpec{Url: r.cfg.Address.URL},
	}
	if r.cfg.Secret == "" {
		return source, nil
	}
	found, _, err := r.cfg.Secrets.Get(ctx, object.DefaultNamespace, r.cfg.Secret)
	if errors.Is(err, secret.ErrNotFound) {
		return nil, fmt.Errorf("there is no secret '%s/%s' for %s; create it, or name another one", object.DefaultNamespace, r.cfg.Secret, r.cfg.Address.URL)
	}
	if err != nil {
		return nil, fmt.Errorf("the secret for %s: %w", r.cfg.Address.URL, err)
	}
	source.Spec.SecretRef = &metav1.LocalObjectReference{Name: r.cfg.Secret}
	if len(found["githubAppID"]) > 0 {
		source.Spec.Provider = updaterv1.GitProvider_GIT_PROVIDER_GITHUB
	}
	return source, nil
}

var commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// fetch brings what the address stands for. A name may be a branch's or a tag's; a branch's counts.
func (r *Repository) fetch(ctx context.Context, repo *gitrepo.Repo) (gitrepo.Tip, error) {
	ref := r.cfg.Address.Ref
	bounds, isRange := strings.CutPrefix(ref, "semver:")
	switch {
	case ref == "":
		return repo.Fetch(ctx, gitrepo.Ref{})
	case isRange:
		return repo.Fetch(ctx, gitrepo.Ref{SemVer: bounds})
	case commitID.MatchString(ref):
		return repo.Fetch(ctx, gitrepo.Ref{Commit: ref})
	case strings.HasPrefix(ref, "refs/"):
		return repo.Fetch(ctx, gitrepo.Ref{Name: ref})
	}
	tips, err := repo.FetchAll(ctx, gitrepo.Ref{Branch: ref, Optional: true}, gitrepo.Ref{Tag: ref, Optional: true})
	if err != nil {
		return gitrepo.Tip{}, err
	}
	for _, tip := range tips {
		if !tip.Hash.IsZero() {
			return tip, nil
		}
	}
	return gitrepo.Tip{}, &gitrepo.Error{
		Op: "fetch", URL: r.cfg.Address.URL, Kind: gitrepo.ErrRefNotFound, Detail: fmt.Sprintf("the remote has neither a branch nor a tag %q", ref),
	}
}

func (r *Repository) look(ctx context.Context, repo *gitrepo.Repo) (*Snapshot, error) {
	tip, err := r.fetch(ctx, repo)
	if err != nil {
		return nil, err
	}
	if r.last != nil && r.last.Revision == tip.Revision() {
		return r.last, nil
	}
	listing, err := repo.Walk(ctx, tip.Hash, gitrepo.WalkOptions{
		Path: r.cfg.Address.Path, Match: r.wanted, MaxFileBytes: r.cfg.MaxFileBytes, MaxFiles: r.cfg.MaxFiles,
	})
	if err != nil {
		return nil, err
	}
	return r.read(ctx, repo, tip, listing)
}

func (r *Repository) wanted(name string) bool {
	return !strings.HasPrefix(name, ".") && (r.cfg.Match == nil || r.cfg.Match(name))
}

// read reads the files of a listing.
func (r *Repository) read(ctx context.Context, repo *gitrepo.Repo, tip gitrepo.Tip, listing gitrepo.Listing) (*Snapshot, error) {
	s := &Snapshot{Revision: tip.Revision()}
	for _, each := range listing.Skipped {
		if !r.hidden(each.Path) {
			s.Skipped = append(s.Skipped, Skipped(each))
		}
	}
	if more := listing.SkippedCount - len(listing.Skipped); more > 0 {
		s.Skipped = append(s.Skipped, Skipped{r.cfg.Address.Path, fmt.Sprintf("%d more were passed over", more)})
	}
	left := r.cfg.MaxTotalBytes
	for _, file := range listing.Files {
		if r.hidden(file.Path) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the files of %s: %w", r.cfg.Address.URL, context.Cause(ctx))
		}
		content, err := repo.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if int64(len(content)) > r.cfg.MaxFileBytes {
			s.Skipped = append(s.Skipped, Skipped{file.Path, fmt.Sprintf("it is larger than %d bytes; split it", r.cfg.MaxFileBytes)})
			continue
		}
		if left -= int64(len(content)); left < 0 {
			return nil, &gitrepo.Error{
				Op: "read", URL: r.cfg.Address.URL, Kind: gitrepo.ErrTooLarge, Detail: fmt.Sprintf("all files together have more than %d bytes", r.cfg.MaxTotalBytes),
			}
		}
		s.Files = append(s.Files, File{file.Path, content})
	}
	return s, nil
}

// hidden says whether a path below the address's has a name that begins with a dot.
func (r *Repository) hidden(name string) bool {
	below := strings.TrimPrefix(strings.TrimPrefix(name, r.cfg.Address.Path), "/")
	return strings.HasPrefix(below, ".") || strings.Contains(below, "/.")
}
