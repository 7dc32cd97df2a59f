// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ErrNoGit is returned by Start where git, or its http-backend, is not installed.
var ErrNoGit = errors.New("git is not installed")

// shutdownGrace is how long Close waits for running requests before it kills their processes.
const shutdownGrace = 2 * time.Second

// Config says where a Server keeps its repositories and who may use it.
type Config struct {
	// Dir holds the repositories and the log. It is created when missing and never removed.
	Dir string
	// Listen is host:port. Empty: a free port of 127.0.0.1.
	Listen string
	// Username and Password, when either is set, are asked of every request (basic authentication).
	Username, Password string
	// Token, when set, is accepted as a bearer token, instead of or beside the user and password.
	Token string
	// TLS, when set, serves HTTPS with it.
	TLS *tls.Config
	// Wrap, when set, is put around the handler: tests count, delay and break requests with it.
	Wrap func(http.Handler) http.Handler
}

// Server is a running Git server. Its methods may be called from any goroutine.
type Server struct {
	dir     string // absolute
	git     string // path of the git program
	backend string // path of git-http-backend
	url     string
	log     *os.File
	http    *http.Server
	cancel  context.CancelFunc // kills the processes of running requests
	served  chan struct{}      // closed when the listener's loop has ended
	running sync.WaitGroup     // requests
	close   sync.Once
	closed  error
}

// Start starts a server. The context bounds the start alone; the server runs until Close. The error is
// ErrNoGit where git is missing, else what the folder or the port had against it.
func Start(ctx context.Context, config Config) (*Server, error) {
	git, backend, err := findGit(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("git server: folder %q: %w", config.Dir, err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "http-backend.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) // #nosec G304 -- the caller's folder
	if err != nil {
		return nil, fmt.Errorf("git server: %w", err)
	}
	s := &Server{dir: dir, git: git, backend: backend, log: file, served: make(chan struct{})}
	if err := s.listen(ctx, config); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context, config Config) error {
	address := config.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("git server: %w", err)
	}
	s.url = "http://" + listener.Addr().String()
	if config.TLS != nil {
		s.url = "https://" + listener.Addr().String()
		listener = tls.NewListener(listener, config.TLS)
	}
	var handler http.Handler = http.HandlerFunc(s.serveBackend)
	handler = authenticate(config, handler)
	if config.Wrap != nil {
		handler = config.Wrap(handler)
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.http = &http.Server{
		Handler:           s.counted(handler),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(s.log, "", log.LstdFlags|log.LUTC),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // always ErrServerClosed or a dead listener: Close is the way to end
	}()
	return nil
}

func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		next.ServeHTTP(w, r)
	})
}

// URL is the server's address without a trailing slash: http://127.0.0.1:PORT.
func (s *Server) URL() string { return s.url }

// RepositoryURL is what one clones: URL, a slash, the name.
func (s *Server) RepositoryURL(name string) string { return s.url + "/" + name }

// Dir is the folder of a repository on disk.
func (s *Server) Dir(name string) string { return filepath.Join(s.dir, name) }

// Close stops the server: running requests have two seconds to end, then their processes are killed. When it
// returns no process is left and the port is free. Closing twice is fine.
func (s *Server) Close() error {
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		s.closed = s.shutdown(ctx)
	})
	return s.closed
}

// Kill stops the server as a crash would: running requests are cut off at once.
func (s *Server) Kill() error {
	s.close.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.closed = s.shutdown(ctx)
	})
	return s.closed
}

func (s *Server) shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	s.cancel()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = s.http.Close()
	}
	<-s.served
	s.running.Wait()
	return errors.Join(err, s.log.Close())
}

// findGit looks git and its http-backend up; some systems package the second apart.
func findGit(ctx context.Context) (git, backend string, err error) {
	git, err = exec.LookPath("git")
	if err != nil {
		return "", "", fmt.Errorf("%w: install git (2.28 or later) and see that it is in PATH", ErrNoGit)
	}
	out, err := exec.CommandContext(ctx, git, "--exec-path").Output() // #nosec G204 -- git, from PATH
	if err != nil {
		return "", "", fmt.Errorf("git --exec-path: %w", err)
	}
	backend = filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return "", "", fmt.Errorf("%w completely: its http-backend is missing at %s; some systems have it in a package of its own (git-daemon)", ErrNoGit, backend)
	}
	return git, backend, nil
}
