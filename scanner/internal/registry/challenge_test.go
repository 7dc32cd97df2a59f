// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

// challenger is registry.example, whose challenges are the test's, and a
// network that has no other host.
type challenger struct {
	client    *Client
	challenge atomic.Pointer[string]
	mu        sync.Mutex
	dialled   []string // other addresses that a connection to was wanted
}

func newChallenger(f *testing.F) *challenger {
	f.Helper()
	authority, err := localregistry.NewAuthority()
	if err != nil {
		f.Fatal(err)
	}
	certificate, key, err := authority.Issue("registry.example")
	if err != nil {
		f.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		f.Fatal(err)
	}
	c := &challenger{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", *c.challenge.Load())
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.URL.Path == "/token" {
			write(w, `{"token":"t"}`)
			return
		}
		write(w, `{"tags":["a"]}`)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	f.Cleanup(server.Close)
	c.client = NewClient(Config{TLS: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}})
	f.Cleanup(c.client.Close)
	c.client.transport.Proxy = nil
	c.client.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "registry.example:443" {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dialled = append(c.dialled, address)
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return c
}

// FuzzChallenge signs in at a registry that sends any WWW-Authenticate. The
// library parses it; what must hold is ours: an end with a known error, no plain
// HTTP and no internal address.
func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{
		`Basic realm="r"`, `Bearer realm="https://registry.example/token",service="s",scope="repository:app:pull"`,
		`Bearer realm="https://tokens.example/token"`, `Bearer realm="http://tokens.example/token"`,
		`Bearer realm="https://169.254.169.254/latest"`, `Bearer realm="https://127.0.0.1/"`, `Bearer realm="https://2130706433/"`,
		`Bearer realm="https://[::ffff:10.0.0.1]:443/"`, `Bearer realm="//registry.example/token"`, `Bearer realm="file:///etc/passwd"`,
		`Bearer`, `Negotiate, Basic realm=x`, `Bearer realm=`, `Bearer realm="`, `basic`, ``, `,,,`, `Bearer realm="https://u:p@registry.example/token"`,
	} {
		f.Add(seed)
	}
	c := newChallenger(f)
	name, err := ParseImage("registry.example/app")
	if err != nil {
		f.Fatal(err)
	}
	keychain, err := DockerConfig([]byte(`{"auths":{"registry.example":{"username":"robot","password":"hunter2"}}}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, challenge string) {
		c.challenge.Store(&challenge)
		c.client.sessions.clear()
		c.dialled = nil
		_, err := c.client.List(t.Context(), name, Options{Keychain: keychain})
		if known := (&Error{}); err != nil && (!errors.As(err, &known) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v", challenge, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, address := range c.dialled {
			host, port, err := net.SplitHostPort(address)
			literal, notLiteral := netip.ParseAddr(host)
			if err != nil || port == "80" || notLiteral == nil && internal(literal) || isLoopback(host) {
				t.Errorf("%q led to %s", challenge, address)
			}
		}
	})
}
