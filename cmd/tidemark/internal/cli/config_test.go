// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpcmetadata "google.golang.org/grpc/metadata"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli"
)

// person runs commands in an environment of its own.
type person map[string]string

func (p person) runs(t *testing.T, args ...string) terminal {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, func(name string) string { return p[name] })
	return terminal{out: out.String(), err: errs.String(), code: code}
}

// done runs a command that has to succeed.
func (p person) done(t *testing.T, args ...string) terminal {
	t.Helper()
	got := p.runs(t, args...)
	if got.code != 0 {
		t.Fatalf("%q: %+v", args, got)
	}
	return got
}

func newPerson(t *testing.T) (p person, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "config.yaml")
	return person{"TIDEMARK_CONTEXTS": path}, path
}

func TestConfigKeepsContexts(t *testing.T) {
	p, path := newPerson(t)
	p.runs(t, "config", "list").wants(t, terminal{err: "⚠ there are no contexts; see `tidemark config set --help`\n"})
	p.runs(t, "config", "set", "local", "--server", "127.0.0.1:9000").wants(t,
		terminal{err: "✔ context local made in " + path + ", and used from now on\n"})
	p.runs(t, "config", "set", "prod", "--server", "prod:9000", "--tls-ca-file", "/ca.pem", "-n", "apps",
		"--token-command", "print-token", "--token-command", "--secret=hunter2").wants(t,
		terminal{err: "✔ context prod made in " + path + "; `tidemark config use prod` uses it\n"})
	p.runs(t, "config", "use", "prod").wants(t, terminal{err: "✔ context prod is used from now on\n"})
	golden(t, "config/list.txt", p.done(t, "config", "list").out)
	golden(t, "config/view.yaml", p.done(t, "config", "view").out)
	p.done(t, "config", "set", "prod", "--token-command", "", "--tls-ca-file", "", "--updater-server", "updater:9003")
	golden(t, "config/changed.yaml", p.done(t, "config", "view").out)
	p.runs(t, "config", "use", "stage").wants(t,
		terminal{err: "✗ no such context as \"stage\" in " + path + "; there is local, prod\n", code: 1})
	p.runs(t, "config", "delete", "prod").wants(t,
		terminal{err: "⚠ it was the current one; no context is used now\n✔ context prod deleted\n"})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestConfigRefusesWhatMakesNoSense(t *testing.T) {
	p, path := newPerson(t)
	for want, args := range map[string][]string{
		"context a: a client certificate and its key go together: cert-file and key-file":                           {"set", "a", "--tls-cert-file", "/x"},
		"context a: with insecure no TLS is spoken: leave out the rest of tls":                                      {"set", "a", "--insecure", "--tls-ca-file", "/x"},
		"--token-file and --token-command: a token comes from a file or from a command, not from both":              {"set", "a", "--token-file", "/x", "--token-command", "y"},
		"a context's name is a word of printable ASCII without quotes, not \"a b\"":                                 {"set", "a b"},
		"the name of one context is wanted: 0 are given":                                                            {"use"},
		"no such context as \"a\": " + path + " has none; make one with `tidemark config set a --server HOST:PORT`": {"use", "a"},
	} {
		p.runs(t, append([]string{"config"}, args...)...).wants(t, terminal{err: "✗ " + want + "\n", code: 1})
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestContextIsWeakerThanEnvironmentAndThatThanFlags(t *testing.T) {
	address, away := populated().serve(t), unused(t)
	p, path := newPerson(t)
	p.done(t, "config", "set", "here", "--server", address, "-n", "tenants")
	p.done(t, "config", "set", "away", "--server", away)
	get := []string{"get", "image", "repository", "-o", "name"}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"the current context":                    {want: "imagerepository/resting\n"},
		"the environment's namespace":            {env: map[string]string{"TIDEMARK_NAMESPACE": "flux-system"}, want: "imagerepository/app\nimagerepository/broken\nimagerepository/new\n"},
		"a flag's namespace":                     {env: map[string]string{"TIDEMARK_NAMESPACE": "x"}, args: []string{"-n", "tenants"}, want: "imagerepository/resting\n"},
		"another context, by flag":               {args: []string{"--context", "away"}},
		"another context, by environment":        {env: map[string]string{"TIDEMARK_CONTEXT": "away"}},
		"a flag's context over the other":        {env: map[string]string{"TIDEMARK_CONTEXT": "away"}, args: []string{"--context", "here"}, want: "imagerepository/resting\n"},
		"the environment's server":               {env: map[string]string{"TIDEMARK_SERVER": away}},
		"the environment's scanner":              {env: map[string]string{"TIDEMARK_SCANNER_SERVER": away}},
		"a flag's server over the environment's": {env: map[string]string{"TIDEMARK_SCANNER_SERVER": away}, args: []string{"--server", address}, want: "imagerepository/resting\n"},
	} {
		t.Run(name, func(t *testing.T) {
			q := person{"TIDEMARK_CONTEXTS": path}
			for name, value := range c.env {
				q[name] = value
			}
			if got := q.runs(t, append(get, c.args...)...); got.out != c.want || (got.code == 0) != (c.want != "") {
				t.Errorf("got %+v", got)
			}
		})
	}
	p.runs(t, append(get, "--context", "away")...).wants(t, terminal{
		err: "✗ no server answers on " + away + ", where context away has it; see `tidemark config list`, or name it with --server\n", code: 1,
	})
}

func TestContextThatCannotBeReadIsAnError(t *testing.T) {
	p, path := newPerson(t)
	if err := os.WriteFile(path, []byte("contexts:\n  a: {sever: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.runs(t, "get", "image", "all").wants(t, terminal{
		err: "✗ " + path + ":2:7: unknown key \"sever\"; there is namespace, server, servers, tls, token\n", code: 1,
	})
	p.done(t, "version")
}

// guard is a server that remembers the tokens that it was shown.
type guard struct {
	mu     sync.Mutex
	tokens []string
}

func (g *guard) options(more ...grpc.ServerOption) []grpc.ServerOption {
	note := func(ctx context.Context) {
		g.mu.Lock()
		defer g.mu.Unlock()
		headers, _ := grpcmetadata.FromIncomingContext(ctx)
		g.tokens = append(g.tokens, strings.Join(headers.Get("authorization"), ","))
	}
	return append(more,
		grpc.ChainUnaryInterceptor(func(ctx context.Context, r any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			note(ctx)
			return next(ctx, r)
		}))
}

func (g *guard) saw(t *testing.T, want ...string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if strings.Join(g.tokens, "|") != strings.Join(want, "|") {
		t.Errorf("tokens %q, want %q", g.tokens, want)
	}
	g.tokens = nil
}

func (g *guard) serve(t *testing.T, more ...grpc.ServerOption) string {
	t.Helper()
	server, s := grpc.NewServer(g.options(more...)...), populated()
	scannerv1.RegisterImageRepositoryServiceServer(server, s)
	resolverv1.RegisterImagePolicyServiceServer(server, s)
	updaterv1.RegisterImageUpdateAutomationServiceServer(server, s)
	return serve(t, server)
}

func TestTokenGoesToTheContextsServersAlone(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ours, theirs := &guard{}, &guard{}
	address, other := ours.serve(t), theirs.serve(t)
	p, _ := newPerson(t)
	p.done(t, "config", "set", "a", "--server", address, "--token-file", token)
	p.done(t, "get", "image", "update", "flux-system")
	ours.saw(t, "Bearer abc")
	p.done(t, "get", "image", "update", "flux-system", "--server", other)
	theirs.saw(t, "")
	p.done(t, "get", "image", "update", "flux-system", "--server", other, "--token-file", token)
	theirs.saw(t, "Bearer abc")
	p["TIDEMARK_SERVER"], p["TIDEMARK_TOKEN_FILE"] = other, token
	p.done(t, "get", "image", "update", "flux-system")
	theirs.saw(t, "Bearer abc")
	p.done(t, "config", "set", "a", "--token-command", "printf", "--token-command", "xyz")
	delete(p, "TIDEMARK_SERVER")
	delete(p, "TIDEMARK_TOKEN_FILE")
	p.done(t, "get", "image", "update", "flux-system")
	ours.saw(t, "Bearer xyz")
}

func TestTokenIsNotSentInPlaintext(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := newPerson(t)
	p.done(t, "config", "set", "a", "--server", "192.0.2.1:9000", "--token-file", token, "--insecure")
	p.runs(t, "get", "image", "update").wants(t, terminal{
		err: "✗ the bearer token is not sent to 192.0.2.1:9000 in plaintext; leave out --insecure, or the token\n", code: 1,
	})
}

func TestContextSpeaksTLSWithAClientCertificate(t *testing.T) {
	folder, authority := newAuthority(t)
	g := &guard{}
	address := g.serve(t, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{authority.certificate}, ClientCAs: authority.pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	})))
	at := func(name string) string { return filepath.Join(folder, name) }
	p, _ := newPerson(t)
	p.done(t, "config", "set", "a", "--server", address, "--tls-ca-file", at("cert.pem"), "--tls-server-name", "tidemark.test",
		"--tls-cert-file", at("cert.pem"), "--tls-key-file", at("key.pem"))
	p.done(t, "get", "image", "update", "flux-system")
	got := p.runs(t, "get", "image", "update", "--tls-server-name", "other.test")
	if got.code != 1 || !strings.Contains(got.err, "could not be trusted") {
		t.Errorf("a server of another name: %+v", got)
	}
}

// authority is one certificate for all: it signs itself, and serves both ends.
type authority struct {
	certificate tls.Certificate
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) (folder string, a authority) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"tidemark.test"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	for name, text := range map[string][]byte{"cert.pem": certPEM, "key.pem": keyPEM} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.pool = x509.NewCertPool()
	a.pool.AppendCertsFromPEM(certPEM)
	if a.certificate, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return folder, a
}
