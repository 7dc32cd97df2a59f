// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

func sshKey(t *testing.T, key crypto.Signer, passphrase string) (private, authorized []byte) {
	t.Helper()
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(signer.PublicKey())
}

func startSSH(t *testing.T, server *gitserver.Server, authorized []byte) *gitserver.SSH {
	t.Helper()
	front, err := server.StartSSH(t.Context(), authorized)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := front.Close(); err != nil {
			t.Error(err)
		}
	})
	return front
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func ed25519Key() crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func TestSSH(t *testing.T) {
	for name, key := range map[string]crypto.Signer{
		"ed25519": ed25519Key(),
		"ecdsa":   must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"rsa":     must(rsa.GenerateKey(rand.Reader, 2048)),
	} {
		t.Run(name, func(t *testing.T) {
			server := startServer(t, gitserver.Config{}, map[string]string{"a": "1", "b": "1"})
			private, authorized := sshKey(t, key, "a passphrase")
			front := startSSH(t, server, authorized)
			auth := Auth{PrivateKey: private, KnownHosts: front.KnownHosts, Passphrase: "a passphrase"}
			r := open(t, t.TempDir(), Remote{URL: front.URL(app), Auth: auth})
			tip := fetch(t, r, Ref{})
			if tip.Branch != "main" {
				t.Fatalf("tip %+v", tip)
			}
			made := commit(t, r, tip.Hash, "a", "2")
			if report := push(t, r, tip.Hash, made.Hash); report.Objects != 3 {
				t.Fatalf("%+v", report)
			}
			if _, err := server.Commit(app, "main", map[string]string{"b": "2"}, "theirs"); err != nil {
				t.Fatal(err)
			}
			_, err := r.Push(t.Context(), mainFrom(made.Hash, commit(t, r, made.Hash, "a", "3").Hash), PushOptions{})
			wantKind(t, err, ErrStale)
			tip = fetch(t, r, Ref{Branch: "main"})
			if has, err := open(t, t.TempDir(), Remote{URL: front.URL(app), Auth: auth}).RemoteHas(t.Context(), Ref{}, made.Hash); !has || err != nil {
				t.Fatalf("%v %v", has, err)
			}
			if err := server.SetHook(app, "pre-receive", "echo not today >&2; exit 1"); err != nil {
				t.Fatal(err)
			}
			_, err = r.Push(t.Context(), mainFrom(tip.Hash, commit(t, r, tip.Hash, "a", "3").Hash), PushOptions{})
			wantKind(t, err, ErrRefused, "not today")
			fsck(t, server)
		})
	}
}

func port(address string) string { return address[strings.LastIndex(address, ":"):] }

func TestSSHRefusals(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	if err := server.CreateRepository("empty.git", "main", nil); err != nil {
		t.Fatal(err)
	}
	private, authorized := sshKey(t, ed25519Key(), "")
	stranger, _ := sshKey(t, ed25519Key(), "")
	front := startSSH(t, server, authorized)
	impostor := startSSH(t, server, authorized)
	changed := bytes.ReplaceAll(impostor.KnownHosts, []byte(port(impostor.Address)), []byte(port(front.Address)))
	for name, c := range map[string]struct {
		url  string
		auth Auth
		kind error
	}{
		"a key that is not authorized": {front.URL(app), Auth{PrivateKey: stranger, KnownHosts: front.KnownHosts}, ErrAuthentication},
		"another host's key":           {front.URL(app), Auth{PrivateKey: private, KnownHosts: impostor.KnownHosts}, ErrHostKey},
		"a changed host key":           {front.URL(app), Auth{PrivateKey: private, KnownHosts: changed}, ErrHostKey},
		"a revoked host key":           {front.URL(app), Auth{PrivateKey: private, KnownHosts: append([]byte("@revoked "), front.KnownHosts...)}, ErrHostKey},
		"no such repository":           {front.URL("absent.git"), Auth{PrivateKey: private, KnownHosts: front.KnownHosts}, ErrRepositoryNotFound},
		"an empty repository":          {front.URL("empty.git"), Auth{PrivateKey: private, KnownHosts: front.KnownHosts}, ErrEmptyRepository},
		"nobody there":                 {"ssh://git@127.0.0.1:1/a", Auth{PrivateKey: private, KnownHosts: front.KnownHosts}, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, t.TempDir(), Remote{URL: c.url, Auth: c.auth}).Fetch(t.Context(), Ref{})
			wantKind(t, err, c.kind)
		})
	}
	for name, auth := range map[string]Auth{
		"no known_hosts": {PrivateKey: private}, "no key": {KnownHosts: front.KnownHosts},
		"garbage": {PrivateKey: []byte("x"), KnownHosts: front.KnownHosts},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.TempDir(), Remote{URL: front.URL(app), Auth: auth})
			wantKind(t, err, ErrCredential)
		})
	}
}

func TestSSHHandshakeObeysTheDeadline(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	private, authorized := sshKey(t, ed25519Key(), "")
	r := open(t, t.TempDir(), Remote{URL: "ssh://git@" + silent.Addr().String() + "/a", Auth: Auth{
		PrivateKey: private, KnownHosts: append([]byte("* "), authorized...),
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = r.Fetch(ctx, Ref{})
	wantKind(t, err, ErrUnreachable)
	wantKind(t, err, context.DeadlineExceeded)
}

// certificate makes a self-signed one, which is its own authority.
func certificate(t *testing.T, name string) (certPEM, keyPEM []byte) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
}

func TestPrivateAuthorityAndClientCertificate(t *testing.T) {
	serverCert, serverKey := certificate(t, "server")
	clientCert, clientKey := certificate(t, "client")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(clientCert)
	server := startServer(t, gitserver.Config{TLS: &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{must(tls.X509KeyPair(serverCert, serverKey))},
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}}, map[string]string{"a": "1"})
	address := server.RepositoryURL(app)
	r := open(t, t.TempDir(), Remote{URL: address, CA: serverCert, ClientCert: clientCert, ClientKey: clientKey})
	tip := fetch(t, r, Ref{})
	push(t, r, tip.Hash, commit(t, r, tip.Hash, "a", "2").Hash)

	_, err := open(t, t.TempDir(), Remote{URL: address, ClientCert: clientCert, ClientKey: clientKey}).Fetch(t.Context(), Ref{})
	wantKind(t, err, ErrUnreachable, "ca.crt")
	_, err = open(t, t.TempDir(), Remote{URL: address, CA: serverCert}).Fetch(t.Context(), Ref{})
	wantKind(t, err, ErrUnreachable, "certificate")
	for _, bad := range []Remote{{CA: []byte("x")}, {ClientCert: clientCert}, {ClientCert: clientCert, ClientKey: serverKey}} {
		bad.URL = address
		_, err := Open(t.TempDir(), bad)
		wantKind(t, err, ErrCredential)
	}
}
