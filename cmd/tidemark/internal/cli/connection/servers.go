// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package connection finds the services that a verb asks and says in a person's words why one cannot be reached. Nothing
// is dialed before the first call. What a service itself answers is passed on as it is.
package connection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/dial"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	defaultAddress = "127.0.0.1:9000"
	defaultTimeout = 5 * time.Minute
)

// Servers are the services' addresses and the connections made so far. The zero value is not useful; make one with
// [New]. It may be used from many goroutines.
type Servers struct {
	getenv func(string) string

	server    string
	own       map[kinds.Service]*string
	context   string
	tokenFile string
	timeout   time.Duration
	dial      dial.Options

	chosen func() (choice, error)

	mu    sync.Mutex
	conns map[place]*server
}

// New makes Servers that read what no flag says from the environment through getenv, and then from the file of contexts.
func New(getenv func(string) string) *Servers {
	s := &Servers{
		getenv: getenv,
		own:    map[kinds.Service]*string{kinds.Scanner: new(""), kinds.Resolver: new(""), kinds.Updater: new("")},
		conns:  map[place]*server{},
	}
	s.chosen = sync.OnceValues(s.choose)
	return s
}

// AddFlags adds the flags that say where the services are and how long to wait for them.
func (s *Servers) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&s.server, "server", "",
		"address of the server, host:port (env TIDEMARK_SERVER; default: the context's, else "+defaultAddress+")")
	flags.StringVar(s.own[kinds.Scanner], "scanner-server", "",
		"address of the scanner where it is a program of its own (env TIDEMARK_SCANNER_SERVER; default: --server)")
	flags.StringVar(s.own[kinds.Resolver], "resolver-server", "",
		"address of the resolver where it is a program of its own (env TIDEMARK_RESOLVER_SERVER; default: --server)")
	flags.StringVar(s.own[kinds.Updater], "updater-server", "",
		"address of the updater where it is a program of its own (env TIDEMARK_UPDATER_SERVER; default: --server)")
	flags.StringVar(&s.context, "context", "",
		"context to use (env TIDEMARK_CONTEXT; default: the one that 'tidemark config use' chose)")
	flags.DurationVar(&s.timeout, "timeout", defaultTimeout, "how long the whole command may take")
	flags.StringVar(&s.dial.TLS.CAFile, "tls-ca-file", "",
		"PEM file with the certificates that sign the servers' (default: the system's; TLS is spoken beyond loopback)")
	flags.StringVar(&s.dial.TLS.CertFile, "tls-cert-file", "", "PEM file with the certificate that identifies the client")
	flags.StringVar(&s.dial.TLS.KeyFile, "tls-key-file", "", "PEM file with the key of --tls-cert-file")
	flags.StringVar(&s.dial.TLS.ServerName, "tls-server-name", "", "name in the servers' certificate (default: the address's host)")
	flags.StringVar(&s.tokenFile, "token-file", "",
		"file with the bearer token to send, over TLS or to loopback (env TIDEMARK_TOKEN_FILE; default: the context's token)")
	flags.BoolVar(&s.dial.Insecure, "insecure", false, "speak plaintext to servers beyond loopback too")
}

// WithTimeout bounds a command by --timeout.
func (s *Servers) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("not done within --timeout %s", s.timeout))
}

// To is the connection to a service. Services at one address share it. Errors are wrong options, and contexts that are
// wrong or not there.
func (s *Servers) To(ctx context.Context, service kinds.Service) (grpc.ClientConnInterface, error) {
	at, err := s.place(service)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn := s.conns[at]; conn != nil {
		return conn, nil
	}
	opts, token := s.options(at)
	if token != nil && opts.Insecure && !loopback(at.address) {
		return nil, fmt.Errorf("the bearer token is not sent to %s in plaintext; leave out --insecure, or the token", at.address)
	}
	conn, err := dial.Dial(ctx, at.address, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.source(), err)
	}
	s.conns[at] = &server{conn: conn, place: at, token: token}
	return s.conns[at], nil
}

// Close closes all connections.
func (s *Servers) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for at, conn := range s.conns {
		if err := conn.conn.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close the connection to %s: %w", at.address, err))
		}
	}
	s.conns = map[place]*server{}
	return errors.Join(errs...)
}
