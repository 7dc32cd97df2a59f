// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// want checks the kind of an error; nil: there must be none.
func want(t *testing.T, err, kind error, words string) {
	t.Helper()
	switch {
	case kind == nil && err != nil:
		t.Error(err)
	case kind != nil && !errors.Is(err, kind):
		t.Errorf("got %v, want %v", err, kind)
	case kind != nil && !strings.Contains(err.Error(), words):
		t.Errorf("%v has not %q", err, words)
	}
}

func TestBasicAuthAndBearerToken(t *testing.T) {
	server := startServer(t, gitserver.Config{Username: "robot", Password: "correct", Token: "a-token"})
	pool, _ := poolWith(t, map[string]secret.Secret{
		"basic": keys("username", "robot\n", "password", "correct\n"), "wrong": keys("username", "robot", "password", "horse"),
		"bearer": keys("bearerToken", "a-token\n"), "both": keys("bearerToken", "a-token", "username", "robot", "password", "x"), "wrong-token": keys("bearerToken", "another"),
	})
	for name, kind := range map[string]error{
		"basic": nil, "bearer": nil, "both": nil, "wrong": gitrepo.ErrAuthentication, "wrong-token": gitrepo.ErrAuthentication, "": gitrepo.ErrAuthentication,
	} {
		t.Run("secret "+name, func(t *testing.T) {
			err := change(t.Context(), pool, repository("x", server.RepositoryURL(app1), name))
			want(t, err, kind, "secretRef")
			if err != nil && (strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "another")) {
				t.Errorf("the credential is in %v", err)
			}
		})
	}
}

func TestPrivateAuthoritiesAndClientCertificates(t *testing.T) {
	theirs, others := newAuthority(t), newAuthority(t)
	config := theirs.serve(t)
	plain := startServer(t, gitserver.Config{TLS: config, Username: "robot", Password: "correct"})
	mutual := config.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	mutual.ClientCAs.AddCert(theirs.cert)
	strict := startServer(t, gitserver.Config{TLS: mutual})

	cert, key := theirs.issue(t)
	foreign, foreignKey := others.issue(t)
	pair := func(ca, cert, key []byte) secret.Secret {
		return secret.Secret{"ca.crt": ca, "tls.crt": cert, "tls.key": key}
	}
	pool, _ := poolWith(t, map[string]secret.Secret{
		"basic": keys("username", "robot", "password", "correct"), "with-ca": keys("username", "robot", "password", "correct", "ca.crt", string(theirs.pem)),
		"older-name": keys("username", "robot", "password", "correct", "caFile", string(theirs.pem)),
		"other-ca":   keys("username", "robot", "password", "correct", "ca.crt", string(others.pem)), "ca": {"ca.crt": theirs.pem},
		"mutual": pair(theirs.pem, cert, key), "older": {"caFile": theirs.pem, "certFile": cert, "keyFile": key}, "foreign": pair(theirs.pem, foreign, foreignKey),
		"no-key": {"ca.crt": theirs.pem, "tls.crt": cert}, "no-cert": {"ca.crt": theirs.pem, "tls.key": key}, "mixed": pair(theirs.pem, cert, foreignKey),
	})
	for name, test := range map[string]struct {
		server *gitserver.Server
		secret string
		kind   error
		words  string
	}{
		"authority and password":       {plain, "with-ca", nil, ""},
		"its older name":               {plain, "older-name", nil, ""},
		"authority alone":              {plain, "ca", gitrepo.ErrAuthentication, ""},
		"no authority":                 {plain, "basic", gitrepo.ErrUnreachable, "certificate"},
		"another authority":            {plain, "other-ca", gitrepo.ErrUnreachable, "certificate"},
		"client certificate":           {strict, "mutual", nil, ""},
		"its older names":              {strict, "older", nil, ""},
		"another authority's":          {strict, "foreign", gitrepo.ErrUnreachable, "certificate"},
		"no client certificate":        {strict, "ca", gitrepo.ErrUnreachable, "certificate"},
		"a certificate without key":    {strict, "no-key", ErrSecret, "secret 'apps/no-key' has the certificate tls.crt and no tls.key"},
		"a key without certificate":    {strict, "no-cert", ErrSecret, "secret 'apps/no-cert' has the key tls.key and no certificate tls.crt"},
		"a key of another certificate": {strict, "mixed", gitrepo.ErrCredential, "tls.crt and tls.key are no pair"},
	} {
		t.Run(name, func(t *testing.T) {
			err := change(t.Context(), pool, repository("x", test.server.RepositoryURL(app1), test.secret))
			want(t, err, test.kind, test.words)
		})
	}
}

func TestSSHKeysOfEveryKindWithMandatoryKnownHosts(t *testing.T) {
	server := startServer(t, gitserver.Config{})
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(key crypto.PrivateKey, password string) string {
		block, err := ssh.MarshalPrivateKey(key, "")
		if password != "" {
			block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(password))
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(block))
	}
	for name, key := range map[string]crypto.Signer{"ed25519": ed, "ecdsa": ec, "rsa": rs} {
		t.Run(name, func(t *testing.T) {
			public, err := ssh.NewPublicKey(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			front, err := server.StartSSH(t.Context(), ssh.MarshalAuthorizedKey(public))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = front.Close() })
			_, stranger, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			foreign, err := ssh.NewPublicKey(stranger.Public())
			if err != nil {
				t.Fatal(err)
			}
			hosts := string(front.KnownHosts)
			otherHost := hosts[:strings.Index(hosts, " ")+1] + string(ssh.MarshalAuthorizedKey(foreign))
			locked := encode(key, "correct")
			pool, _ := poolWith(t, map[string]secret.Secret{
				"plain": keys("identity", encode(key, ""), "known_hosts", hosts), "locked": keys("identity", locked, "known_hosts", hosts, "password", "correct\n"),
				"wrong-password": keys("identity", locked, "known_hosts", hosts, "password", "horse"), "no-hosts": keys("identity", encode(key, "")),
				"other-host": keys("identity", encode(key, ""), "known_hosts", otherHost), "unknown-host": keys("identity", encode(key, ""), "known_hosts", "example.com "+string(ssh.MarshalAuthorizedKey(foreign))),
				"stranger": keys("identity", encode(stranger, ""), "known_hosts", hosts), "password-only": keys("username", "git", "password", "x"),
			})
			for name, test := range map[string]struct {
				kind  error
				words string
			}{
				"plain": {}, "locked": {}, "wrong-password": {gitrepo.ErrCredential, "password is wrong"}, "no-hosts": {ErrSecret, "secret 'apps/no-hosts' has no identity and known_hosts"},
				"other-host": {gitrepo.ErrHostKey, "known_hosts"}, "unknown-host": {gitrepo.ErrHostKey, "known_hosts"}, "stranger": {gitrepo.ErrAuthentication, "secretRef"},
				"password-only": {ErrSecret, "has no identity and known_hosts"},
			} {
				want(t, change(t.Context(), pool, repository("x", front.URL(app1), name)), test.kind, test.words)
			}
		})
	}
}
