// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tidemark-io/tidemark/localparts/registry"
)

func TestTokensAreAskedFor(t *testing.T) {
	r := start(t, registry.Config{Username: "robot", Password: "secret", Tokens: &registry.Tokens{}})
	if err := r.Push(t.Context(), "team/app", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t, r, "team/app"); err == nil {
		t.Error("listing without credentials succeeded")
	}
	if _, err := list(t, r, "team/app", remote.WithAuth(&authn.Basic{Username: "robot", Password: "wrong"})); err == nil {
		t.Error("listing with a wrong password succeeded")
	}
	before := r.TokenRequests()
	got, err := list(t, r, "team/app", remote.WithAuth(&authn.Basic{Username: "robot", Password: "secret"}))
	if err != nil || !slices.Equal(got, []string{"1"}) || r.TokenRequests() == before {
		t.Errorf("tags = %v, %v; %d token requests before, %d after", got, err, before, r.TokenRequests())
	}
	identity := authn.FromConfig(authn.AuthConfig{Username: "<token>", IdentityToken: "secret"})
	if got, err = list(t, r, "team/app", remote.WithAuth(identity)); err != nil || !slices.Equal(got, []string{"1"}) {
		t.Errorf("with an identity token: tags = %v, %v", got, err)
	}
}

func TestTLSWithClientCertificates(t *testing.T) {
	authority, err := registry.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	server, err := authority.Server()
	if err != nil {
		t.Fatal(err)
	}
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool()
	certificate, key, err := authority.Issue("robot")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, registry.Config{
		Username: "robot", Password: "secret", Tokens: &registry.Tokens{}, TLS: server,
		ClientTLS: &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	})
	if err := r.Push(t.Context(), "app", "1"); err != nil {
		t.Error(err)
	}
}

func TestATokenServiceNeedsAPassword(t *testing.T) {
	if r, err := registry.Start(registry.Config{Tokens: &registry.Tokens{}}); err == nil {
		t.Errorf("a registry runs at %s", r.Host())
	}
}
