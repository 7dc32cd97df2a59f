// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package registry runs a real OCI registry (the CNCF distribution) inside the
// calling process, for the demonstration and for tests: it listens on a
// loopback port, takes pushes and frees its port when it is closed. It is not
// a fake: what a client sees (paging, Link headers, error documents,
// authentication) is the registry's own behaviour. It is no registry to keep
// images in. It speaks plain HTTP, or TLS where Config.TLS says how.
//
// The distribution library logs through the process-wide logrus logger; Start
// silences that logger. What a registry is asked goes to Config.Log instead.
package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/registry/handlers"
	"golang.org/x/crypto/bcrypt"
)

// drainTimeout is how long Close waits for requests under way.
const drainTimeout = 2 * time.Second

// Config says where and how a registry runs. The zero value runs one on a free
// loopback port, in memory and open to everyone.
type Config struct {
	// Listen is the TCP address; empty means "127.0.0.1:0", a free port. To
	// bring a closed registry back, give its Host and the same Dir.
	Listen string
	// Dir keeps the images; empty keeps them in memory, until Close.
	Dir string
	// Username and Password, when set, are asked of every client (htpasswd,
	// basic authentication). Both or neither.
	Username, Password string
	// Tokens, when set, has the username and password asked by a token service,
	// and the registry asks for its tokens.
	Tokens *Tokens
	// TLS, when set, is the server's: with a certificate, and with ClientAuth
	// and ClientCAs where clients must show one. Authority.Server makes one.
	TLS *tls.Config
	// ClientTLS is what Push and its like connect with.
	ClientTLS *tls.Config
	// Notifications, when set, says where the registry tells of what is pushed.
	Notifications *Notifications
	// Log gets a line per request (method, path, status); nil: none.
	Log io.Writer
	// Wrap, when set, goes around the registry's handler: to count requests
	// or to disturb them.
	Wrap func(http.Handler) http.Handler
}

// Registry is a running registry. Its methods may be called concurrently.
type Registry struct {
	host     string
	username string
	password string

	app     *handlers.App
	tokens  *tokenServer
	server  *http.Server
	served  chan error
	scratch string
	client  *http.Transport

	closeOnce sync.Once
	closeErr  error
}

// Start listens and serves; the registry answers when Start returns. The caller
// ends it with Close.
func Start(config Config) (*Registry, error) {
	if (config.Username == "") != (config.Password == "") {
		return nil, errors.New("registry: a username needs a password, and a password a username")
	}
	if config.Tokens != nil && config.Username == "" {
		return nil, errors.New("registry: a token service needs a username and a password to ask for")
	}
	silence()
	scratch, err := credentials(config)
	if err != nil {
		return nil, err
	}
	tokens, err := tokensFor(config, scratch)
	if err != nil {
		return nil, errors.Join(err, remove(scratch))
	}
	app, err := newApp(config, scratch, tokens)
	if err != nil {
		return nil, errors.Join(err, tokens.close(), remove(scratch))
	}
	listener, err := listen(config)
	if err != nil {
		return nil, errors.Join(err, stop(app), tokens.close(), remove(scratch))
	}
	r := &Registry{
		host:     listener.Addr().String(),
		username: config.Username,
		password: config.Password,
		app:      app,
		tokens:   tokens,
		server:   newServer(config, app),
		served:   make(chan error, 1),
		scratch:  scratch,
		client:   &http.Transport{MaxIdleConnsPerHost: 8, TLSClientConfig: config.ClientTLS.Clone()},
	}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

func listen(config Config) (net.Listener, error) {
	address := config.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("registry: listen: %w", err)
	}
	if config.TLS != nil {
		listener = tls.NewListener(listener, config.TLS.Clone())
	}
	return listener, nil
}

// tokensFor starts the token service if there is to be one.
func tokensFor(config Config, scratch string) (*tokenServer, error) {
	if config.Tokens == nil {
		return nil, nil
	}
	tokens, err := newTokenServer(config)
	if err != nil {
		return nil, err
	}
	if err := tokens.writeKeys(scratch); err != nil {
		return nil, errors.Join(err, tokens.close())
	}
	return tokens, nil
}

// TokenRequests is how often the token service was asked so far; zero without one.
func (r *Registry) TokenRequests() int {
	if r.tokens == nil {
		return 0
	}
	return int(r.tokens.requests.Load())
}

// Host is the registry's address as it stands in an image name:
// "127.0.0.1:PORT".
func (r *Registry) Host() string { return r.host }

// Close ends the registry: requests under way get two seconds, the port is
// free when Close returns, and no goroutine stays. A second Close does nothing.
func (r *Registry) Close() error {
	r.closeOnce.Do(func() { r.closeErr = r.close() })
	return r.closeErr
}

func (r *Registry) close() error {
	r.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := r.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = r.server.Close()
	}
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, stop(r.app), r.tokens.close(), remove(r.scratch))
}

// credentials writes the htpasswd file into a folder of its own and returns
// that folder; empty when the registry is open.
func credentials(config Config) (string, error) {
	if config.Username == "" {
		return "", nil
	}
	// The cheapest cost: this guards test images for minutes.
	hash, err := bcrypt.GenerateFromPassword([]byte(config.Password), bcrypt.MinCost)
	if err != nil {
		return "", fmt.Errorf("registry: hash the password: %w", err)
	}
	dir, err := os.MkdirTemp("", "registry-")
	if err != nil {
		return "", fmt.Errorf("registry: %w", err)
	}
	line := fmt.Sprintf("%s:%s\n", config.Username, hash)
	if err := os.WriteFile(filepath.Join(dir, htpasswdFile), []byte(line), 0o600); err != nil {
		return "", errors.Join(fmt.Errorf("registry: %w", err), remove(dir))
	}
	return dir, nil
}

func remove(scratch string) error {
	if scratch == "" {
		return nil
	}
	if err := os.RemoveAll(scratch); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}
