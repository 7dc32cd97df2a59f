// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package remotes opens the Git remotes of GitRepository objects: it reads their secrets, anew each time, and keeps one
// open cache per remote and credential, which all that use them share. What is done with a remote is its users' business.
package remotes

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// ErrSecret says that the secret is missing or has not what is needed. The sentence says what to do.
var ErrSecret = errors.New("the secret cannot be used")

// A remote that nobody used for so long is closed; the cache of one that nobody opened for so much longer is removed.
const (
	idleAfter   = 30 * time.Minute
	forgotAfter = 30 * 24 * time.Hour
)

// Pool keeps remotes open. It is safe for concurrent use.
type Pool struct {
	dir     string
	secrets secret.Source

	mu   sync.Mutex
	open map[string]*entry
}

type entry struct {
	// opening is held while the remote is being opened.
	opening sync.Mutex
	repo    *gitrepo.Repo
	users   int
	used    time.Time
}

// New makes a pool whose caches are under the folder, which is made when it is needed.
func New(dir string, secrets secret.Source) *Pool {
	return &Pool{dir: dir, secrets: secrets, open: map[string]*entry{}}
}

// Open opens the remote of a GitRepository with the credential that its secret has now. The caller calls release when it
// is done. Errors: ErrSecret, gitrepo's of Open.
func (p *Pool) Open(ctx context.Context, r *updaterv1.GitRepository) (repo *gitrepo.Repo, release func(), err error) {
	remote, err := p.remote(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	key := identity(remote)
	p.closeIdle()
	p.mu.Lock()
	e, ok := p.open[key]
	if !ok {
		e = &entry{}
		p.open[key] = e
	}
	e.users++
	p.mu.Unlock()
	release = sync.OnceFunc(func() { p.release(e) })
	e.opening.Lock()
	defer e.opening.Unlock()
	if e.repo == nil {
		if e.repo, err = gitrepo.Open(p.folder(remote), remote); err != nil {
			release()
			return nil, nil, err
		}
	}
	return e.repo, release, nil
}

func (p *Pool) release(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.users--
	e.used = time.Now()
}

// folder keeps remotes apart that differ in their authorities alone, which gitrepo takes for one.
func (p *Pool) folder(remote gitrepo.Remote) string {
	if len(remote.CA) == 0 {
		return p.dir
	}
	sum := sha256.Sum256(remote.CA)
	return filepath.Join(p.dir, "ca-"+hex.EncodeToString(sum[:8]))
}

// closeIdle closes what nobody has used for a while. What fails to close was read from alone.
func (p *Pool) closeIdle() {
	p.mu.Lock()
	var idle []*entry
	for key, e := range p.open {
		if e.users == 0 && time.Since(e.used) > idleAfter {
			delete(p.open, key)
			idle = append(idle, e)
		}
	}
	p.mu.Unlock()
	for _, e := range idle {
		if e.repo != nil {
			_ = e.repo.Close() // its cache is checked when it is opened again
		}
	}
}

// Close closes all remotes. Nobody may be using one.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for key, e := range p.open {
		if e.repo != nil {
			err = errors.Join(err, e.repo.Close())
		}
		delete(p.open, key)
	}
	return err
}

// Prune removes the caches of remotes that nobody has opened for a month.
func (p *Pool) Prune() error {
	folders, err := filepath.Glob(filepath.Join(p.dir, "ca-*"))
	if err != nil {
		return fmt.Errorf("looking for caches: %w", err)
	}
	for _, folder := range append(folders, p.dir) {
		err = errors.Join(err, gitrepo.Prune(folder, forgotAfter))
	}
	return err
}

// identity tells remotes apart: by what is fetched and with whose rights.
func identity(remote gitrepo.Remote) string {
	parts := []string{
		normal(remote.URL), remote.Auth.Username, remote.Auth.Password, remote.Auth.BearerToken, remote.Auth.Passphrase,
		string(remote.Auth.PrivateKey), string(remote.Auth.KnownHosts),
		string(remote.CA), string(remote.ClientCert), string(remote.ClientKey),
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func normal(text string) string {
	if parsed, err := url.Parse(text); err == nil {
		return parsed.String()
	}
	return text
}

// remote is the repository's URL with the credential of its secret.
func (p *Pool) remote(ctx context.Context, r *updaterv1.GitRepository) (gitrepo.Remote, error) {
	remote := gitrepo.Remote{URL: r.GetSpec().GetUrl()}
	name := r.GetSpec().GetSecretRef().GetName()
	if name == "" {
		return remote, nil
	}
	namespace := object.KeyOfMeta(r.GetMetadata()).Namespace
	s, _, err := p.secrets.Get(ctx, namespace, name)
	if errors.Is(err, secret.ErrNotFound) {
		return remote, fmt.Errorf("%w: there is no secret '%s/%s'; create it, or correct spec.secretRef of GitRepository '%s'",
			ErrSecret, namespace, name, object.KeyOfMeta(r.GetMetadata()))
	}
	if err != nil {
		return remote, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	if err := credential(&remote, s); err != nil {
		return remote, fmt.Errorf("%w: secret '%s/%s' %w", ErrSecret, namespace, name, err)
	}
	return remote, nil
}

var (
	errIdentity = errors.New("has no identity and known_hosts, which an ssh URL needs")
	errNothing  = errors.New("has none of the keys username and password, bearerToken, ca.crt, or tls.crt and tls.key")
)

// credential takes the keys that the remote's scheme has use for.
func credential(remote *gitrepo.Remote, s secret.Secret) error {
	text := func(key string) string { return string(bytes.TrimRight(s[key], "\r\n")) }
	if strings.HasPrefix(strings.ToLower(remote.URL), "ssh:") {
		remote.Auth = gitrepo.Auth{PrivateKey: s["identity"], KnownHosts: s["known_hosts"], Passphrase: text("password")}
		if len(s["identity"]) == 0 || len(s["known_hosts"]) == 0 {
			return errIdentity
		}
		return nil
	}
	remote.Auth = gitrepo.Auth{Username: text("username"), Password: text("password"), BearerToken: text("bearerToken")}
	if remote.Auth.BearerToken != "" {
		remote.Auth.Username, remote.Auth.Password = "", ""
	}
	remote.CA = first(s, "ca.crt", "caFile")
	remote.ClientCert, remote.ClientKey = first(s, "tls.crt", "certFile"), first(s, "tls.key", "keyFile")
	if remote.Auth.Username == "" && remote.Auth.Password == "" && remote.Auth.BearerToken == "" && len(remote.CA) == 0 && len(remote.ClientCert) == 0 {
		return errNothing
	}
	return nil
}

func first(s secret.Secret, keys ...string) []byte {
	for _, key := range keys {
		if len(s[key]) > 0 {
			return s[key]
		}
	}
	return nil
}
