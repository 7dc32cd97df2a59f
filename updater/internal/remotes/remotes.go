// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package remotes opens the Git remotes of GitRepository objects: it reads their secrets, anew each time, and keeps one
// open cache per remote and credential, which all that use them share. What is done with a remote is its users' business.
package remotes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
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
	tokens  tokens

	mu   sync.Mutex
	open map[string]*entry
	used map[object.Key]*use
}

type entry struct {
	// opening is held while the remote is being opened.
	opening sync.Mutex
	repo    *gitrepo.Repo
	// password is the one of a passing credential that repo uses.
	password string
	users    int
	used     time.Time
}

// New makes a pool whose caches are under the folder, which is made when it is needed.
func New(dir string, secrets secret.Source) *Pool {
	return &Pool{dir: dir, secrets: secrets, open: map[string]*entry{}, used: map[object.Key]*use{}}
}

// Open opens the remote of a GitRepository with the credential that its secret has now; where that is a GitHub App's, a
// token is asked for when there is none that is good for a few minutes more. The caller calls release when it is done.
// Errors: ErrSecret; gitrepo's of Open; and ErrUnreachable, ErrServer or ErrProtocol of gitrepo's, of who gives tokens.
func (p *Pool) Open(ctx context.Context, r *updaterv1.GitRepository) (repo *gitrepo.Repo, release func(), err error) {
	remote, renew, err := p.remote(ctx, r)
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
	if err := e.prepare(p.folder(remote), remote, renew); err != nil {
		release()
		return nil, nil, err
	}
	return e.repo, release, nil
}

// prepare opens the cache, once, and sees that it uses a passing credential's newest password.
func (e *entry) prepare(folder string, remote gitrepo.Remote, renew gitrepo.Renewal) (err error) {
	e.opening.Lock()
	defer e.opening.Unlock()
	if e.repo == nil {
		if e.repo, err = gitrepo.Open(folder, remote); err != nil {
			return err
		}
	}
	if renew == nil || e.password == remote.Auth.Password {
		return nil
	}
	if err := e.repo.SetAuth(remote.Auth, renew); err != nil {
		return err
	}
	e.password = remote.Auth.Password
	return nil
}

func (p *Pool) release(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.users--
	e.used = time.Now()
}

// folder keeps remotes apart that differ in their authorities or proxy alone, which gitrepo takes for one.
func (p *Pool) folder(remote gitrepo.Remote) string {
	if len(remote.CA) == 0 && remote.Proxy == nil {
		return p.dir
	}
	return filepath.Join(p.dir, apart+digest(string(remote.CA), address(remote.Proxy))[:16])
}

// apart begins the names of the folders with remotes of authorities or a proxy of their own.
const apart = "net-"

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
	folders, err := filepath.Glob(filepath.Join(p.dir, apart+"*"))
	if err != nil {
		return fmt.Errorf("looking for caches: %w", err)
	}
	for _, folder := range append(folders, p.dir) {
		err = errors.Join(err, gitrepo.Prune(folder, forgotAfter))
	}
	return err
}

// identity tells remotes apart: by what is fetched, with whose rights and by which way.
func identity(remote gitrepo.Remote) string {
	auth := remote.Auth.Identity
	if auth == "" {
		auth = digest(remote.Auth.Username, remote.Auth.Password, remote.Auth.BearerToken, remote.Auth.Passphrase,
			string(remote.Auth.PrivateKey), string(remote.Auth.KnownHosts))
	}
	return digest(auth, normal(remote.URL), string(remote.CA), string(remote.ClientCert), string(remote.ClientKey), address(remote.Proxy))
}

// digest is a hash of the words; each has its length before it.
func digest(words ...string) string {
	h := sha256.New()
	for _, word := range words {
		_, _ = fmt.Fprintf(h, "%d\n%s", len(word), word) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

func address(proxy *url.URL) string {
	if proxy == nil {
		return ""
	}
	return proxy.String()
}

func normal(text string) string {
	if parsed, err := url.Parse(text); err == nil {
		return parsed.String()
	}
	return text
}
