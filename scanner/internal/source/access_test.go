// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/cloud"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

func of(image string, change func(*scannerv1.ImageRepositorySpec)) *scannerv1.ImageRepository {
	spec := &scannerv1.ImageRepositorySpec{Image: image, Interval: durationpb.New(0)}
	if change != nil {
		change(spec)
	}
	return &scannerv1.ImageRepository{Metadata: &metav1.ObjectMeta{Namespace: "apps", Name: "app"}, Spec: spec}
}

func ref(name string) *metav1.LocalObjectReference { return &metav1.LocalObjectReference{Name: name} }

func dockerConfig(host, password string) secret.Secret {
	return secret.Secret{secretKey: fmt.Appendf(nil, `{"auths":{%q:{"username":"robot","password":%q}}}`, host, password)}
}

type memory struct {
	secret.Memory
	t *testing.T
}

func (m *memory) set(name string, content secret.Secret) {
	m.t.Helper()
	if err := m.Set("apps", name, content); err != nil {
		m.t.Fatal(err)
	}
}

// secure is a registry with a password and mutual TLS, and the secrets for it.
type secure struct {
	*localregistry.Registry
	authority *localregistry.Authority
	secrets   *memory
	source    *Source
}

func newSecure(t *testing.T) *secure {
	t.Helper()
	authority, err := localregistry.NewAuthority()
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
	r, err := localregistry.Start(localregistry.Config{
		Username: "robot", Password: "secret", TLS: server,
		ClientTLS: &tls.Config{RootCAs: authority.Pool(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := registry.NewClient(registry.Config{})
	t.Cleanup(func() {
		client.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := r.Push(t.Context(), "app", "1"); err != nil {
		t.Fatal(err)
	}
	s := &secure{Registry: r, authority: authority, secrets: &memory{t: t}}
	s.source = &Source{Registry: client, Secrets: &s.secrets.Memory}
	s.secrets.set("login", dockerConfig(r.Host(), "secret"))
	s.secrets.set("certificates", secret.Secret{"ca.crt": authority.PEM(), "tls.crt": certificate, "tls.key": key})
	s.secrets.set("old", secret.Secret{"caFile": authority.PEM(), "certFile": certificate, "keyFile": key})
	s.secrets.set("authority", secret.Secret{"ca.crt": authority.PEM()})
	return s
}

func (s *secure) list(t *testing.T, login, certificates string) error {
	t.Helper()
	listing, err := s.source.List(t.Context(), of(s.Host()+"/app", func(spec *scannerv1.ImageRepositorySpec) {
		spec.SecretRef = ref(login)
		if certificates != "" {
			spec.CertSecretRef = ref(certificates)
		}
	}))
	if err == nil && len(listing.Tags) != 1 {
		t.Errorf("tags %v", listing.Tags)
	}
	return err
}

func wantError(t *testing.T, err error, reason, sentence string) {
	t.Helper()
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Reason != reason || failure.Sentence != sentence {
		t.Errorf("%v\nwant %s: %s", err, reason, sentence)
	}
}

func TestCertificatesComeFromTheSecretAndTellWhatIsMissing(t *testing.T) {
	s := newSecure(t)
	for _, name := range []string{"certificates", "old"} {
		if err := s.list(t, "login", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	host := s.Host()
	wantError(t, s.list(t, "login", ""), ReasonReadOperationFailed, "scan failed: registry "+host+" cannot be reached: "+
		"its certificate is signed by an authority that is not trusted here; name a secret with the authority's certificate, 'ca.crt', in spec.certSecretRef")
	wantError(t, s.list(t, "login", "authority"), ReasonAuthenticationFailed, "scan failed: registry "+host+" wants a client certificate "+
		"that it trusts; it is that of the keys 'tls.crt' and 'tls.key' of secret 'apps/authority'")
}

func TestRotatedSecretsAreUsedAtTheNextScan(t *testing.T) {
	s := newSecure(t)
	s.secrets.set("login", dockerConfig(s.Host(), "hunter2"))
	wantError(t, s.list(t, "login", "certificates"), ReasonAuthenticationFailed, "scan failed: registry "+s.Host()+
		" refused the credentials for "+s.Host()+"/app (401 Unauthorized); the credentials are those of the key '.dockerconfigjson' of secret 'apps/login'")
	s.secrets.set("login", dockerConfig(s.Host(), "secret"))
	if err := s.list(t, "login", "certificates"); err != nil {
		t.Error(err)
	}
	other, err := localregistry.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	s.secrets.set("certificates", secret.Secret{"ca.crt": other.PEM()})
	if err := s.list(t, "login", "certificates"); !errors.Is(err, registry.ErrDistrusted) {
		t.Errorf("with another authority: %v", err)
	}
	certificate, key, err := s.authority.Issue("robot")
	if err != nil {
		t.Fatal(err)
	}
	s.secrets.set("certificates", secret.Secret{"ca.crt": s.authority.PEM(), "tls.crt": certificate, "tls.key": key})
	if err := s.list(t, "login", "certificates"); err != nil {
		t.Error(err)
	}
	s.secrets.set("login", dockerConfig(s.Host(), "hunter2")) // although a session with the old one is open
	if err := s.list(t, "login", "certificates"); !errors.Is(err, registry.ErrAuthentication) {
		t.Errorf("with a wrong password after a right one: %v", err)
	}
}

func TestSecretsWithCertificatesOrAProxyThatAreOfNoUse(t *testing.T) {
	secrets := &memory{t: t}
	s := &Source{Registry: unasked{t}, Secrets: &secrets.Memory}
	authority, err := localregistry.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := authority.Issue("robot")
	if err != nil {
		t.Fatal(err)
	}
	_, another, err := authority.Issue("robot")
	if err != nil {
		t.Fatal(err)
	}
	hunter2 := []byte("hunter2")
	for _, tt := range []struct {
		content secret.Secret
		want    string
	}{
		{secret.Secret{"password": hunter2}, "secret 'apps/s' has none of the keys 'ca.crt', 'tls.crt' and 'tls.key'"},
		{secret.Secret{"ca.crt": hunter2}, "key 'ca.crt' of secret 'apps/s' holds no certificates in PEM form"},
		{secret.Secret{"caFile": hunter2}, "key 'caFile' of secret 'apps/s' holds no certificates in PEM form"},
		{secret.Secret{"tls.crt": certificate}, "secret 'apps/s' has a certificate as key 'tls.crt', and no 'tls.key' to go with it"},
		{secret.Secret{"ca.crt": certificate, "keyFile": key}, "secret 'apps/s' has the key 'keyFile', and no certificate 'tls.crt' to go with it"},
		{secret.Secret{"tls.crt": certificate, "tls.key": another},
			"keys 'tls.crt' and 'tls.key' of secret 'apps/s' are no certificate and its private key in PEM form"},
		{secret.Secret{"certFile": certificate, "keyFile": hunter2},
			"keys 'certFile' and 'keyFile' of secret 'apps/s' are no certificate and its private key in PEM form"},
	} {
		secrets.set("s", tt.content)
		_, err := s.List(t.Context(), of("ghcr.io/app", func(spec *scannerv1.ImageRepositorySpec) { spec.CertSecretRef = ref("s") }))
		wantError(t, err, ReasonAuthenticationFailed, tt.want)
	}
	for _, tt := range []struct {
		content secret.Secret
		want    string
	}{
		{secret.Secret{"username": hunter2}, "secret 'apps/s' has no key 'address', which should hold a proxy's URL"},
		{secret.Secret{"address": hunter2}, "key 'address' of secret 'apps/s' is no URL of a proxy: http://host:port, https://… or socks5://…, " +
			"with a username and password that it can carry"},
	} {
		secrets.set("s", tt.content)
		_, err := s.List(t.Context(), of("ghcr.io/app", func(spec *scannerv1.ImageRepositorySpec) { spec.ProxySecretRef = ref("s") }))
		wantError(t, err, ReasonAuthenticationFailed, tt.want)
	}
	_, err = s.List(t.Context(), of("ghcr.io/app", func(spec *scannerv1.ImageRepositorySpec) { spec.ProxySecretRef = ref("absent") }))
	if err == nil || !strings.HasPrefix(err.Error(), "secret 'apps/absent' not found") {
		t.Errorf("%v", err)
	}
}

func TestAProxyThatFailsIsNamedByItsSecret(t *testing.T) {
	secrets := &memory{t: t}
	client := registry.NewClient(registry.Config{})
	t.Cleanup(client.Close)
	s := &Source{Registry: client, Secrets: &secrets.Memory}
	secrets.set("s", secret.Secret{"address": []byte("http://127.0.0.1:1\n"), "username": []byte("u\n"), "password": []byte("hunter2\n")})
	_, err := s.List(t.Context(), of("ghcr.io/app", func(spec *scannerv1.ImageRepositorySpec) { spec.ProxySecretRef = ref("s") }))
	wantError(t, err, ReasonReadOperationFailed, "scan failed: registry ghcr.io cannot be reached: its proxy cannot be reached; "+
		"it is that of the keys 'address', 'username' and 'password' of secret 'apps/s'")
}

// clouds gives one password, or fails.
type clouds struct {
	password         string
	err              error
	asked, forgotten []string
}

func (c *clouds) Get(_ context.Context, provider scannerv1.Provider, host string) (authn.AuthConfig, error) {
	c.asked = append(c.asked, provider.String()+" "+host)
	return authn.AuthConfig{Username: "robot", Password: c.password}, c.err
}

func (c *clouds) Forget(provider scannerv1.Provider, host string) {
	c.forgotten = append(c.forgotten, provider.String()+" "+host)
}

func TestAProvidersCredentialIsUsedAndForgottenWhenRefused(t *testing.T) {
	s := newSecure(t)
	provider := &clouds{password: "secret"}
	s.source.Clouds = provider
	aws := func(spec *scannerv1.ImageRepositorySpec) {
		spec.Provider, spec.CertSecretRef = scannerv1.Provider_PROVIDER_AWS, ref("certificates")
	}
	if _, err := s.source.List(t.Context(), of(s.Host()+"/app", aws)); err != nil {
		t.Error(err)
	}
	want := "PROVIDER_AWS " + s.Host()
	if len(provider.asked) != 1 || provider.asked[0] != want || len(provider.forgotten) != 0 {
		t.Errorf("asked for %v, forgotten: %v", provider.asked, provider.forgotten)
	}
	provider.password = "hunter2"
	_, err := s.source.List(t.Context(), of(s.Host()+"/app", aws))
	wantError(t, err, ReasonAuthenticationFailed, "scan failed: registry "+s.Host()+" refused the credentials for "+s.Host()+
		"/app (401 Unauthorized); the credentials are those that spec.provider 'aws' gives this process")
	if len(provider.forgotten) != 1 || provider.forgotten[0] != want {
		t.Errorf("forgotten: %v", provider.forgotten)
	}
	if _, err := s.source.List(t.Context(), of(s.Host()+"/app", func(spec *scannerv1.ImageRepositorySpec) {
		aws(spec)
		spec.SecretRef = ref("login")
	})); err != nil || len(provider.asked) != 2 {
		t.Errorf("a secret goes before a provider: %v, asked %d times", err, len(provider.asked))
	}
}

func TestAProvidersCredentialIsNotSentInTheClear(t *testing.T) {
	r := &optionsOf{}
	s := &Source{Registry: r, Secrets: &secret.Memory{}, Clouds: &clouds{}}
	if _, err := s.List(t.Context(), of("ghcr.io/app", func(spec *scannerv1.ImageRepositorySpec) {
		spec.Provider, spec.Insecure = scannerv1.Provider_PROVIDER_GCP, true
	})); err != nil {
		t.Fatal(err)
	}
	if r.last.Insecure || r.last.Keychain == nil {
		t.Errorf("insecure %t, keychain %v", r.last.Insecure, r.last.Keychain)
	}
}

type optionsOf struct {
	unasked
	last registry.Options
}

func (o *optionsOf) List(_ context.Context, _ registry.CanonicalName, options registry.Options) (registry.Listing, error) {
	o.last = options
	return registry.Listing{}, nil
}

func TestAProviderThatGivesNothingIsToldOf(t *testing.T) {
	azure := func(spec *scannerv1.ImageRepositorySpec) { spec.Provider = scannerv1.Provider_PROVIDER_AZURE }
	s := &Source{Registry: unasked{t}, Secrets: &secret.Memory{}}
	_, err := s.List(t.Context(), of("ghcr.io/app", azure))
	wantError(t, err, ReasonAuthenticationFailed, "spec.provider is 'azure', and this scanner asks no cloud")
	s.Clouds = &cloud.Credentials{}
	_, err = s.List(t.Context(), of("ghcr.io/app", azure))
	wantError(t, err, ReasonAuthenticationFailed, "spec.provider 'azure': registry ghcr.io is none of Azure Container Registry's "+
		"(<name>.azurecr.io, .cn or .us), and gets no credential of it")
	s.Clouds = &clouds{err: errors.New("hunter2")}
	_, err = s.List(t.Context(), of("ghcr.io/app", azure))
	wantError(t, err, ReasonAuthenticationFailed, "spec.provider 'azure' gives no credential for registry ghcr.io; the log says why")
	s.Clouds = &clouds{err: fmt.Errorf("stopping: %w", context.Canceled)}
	if _, err = s.List(t.Context(), of("ghcr.io/app", azure)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestVersionsTellSecretsApart(t *testing.T) {
	secrets := &memory{t: t}
	s := &Source{Secrets: &secrets.Memory}
	refs := References(of("ghcr.io/app", func(spec *scannerv1.ImageRepositorySpec) {
		spec.SecretRef, spec.CertSecretRef, spec.ProxySecretRef = ref("login"), ref("certificates"), ref("proxy")
	}))
	seen := map[string]bool{}
	look := func(isNew bool) {
		t.Helper()
		version, err := s.Versions().Of(t.Context(), refs)
		if err != nil || version == "" || seen[version] == isNew {
			t.Errorf("version %q, %v", version, err)
		}
		seen[version] = true
	}
	look(true)
	look(false)
	for _, name := range []string{"login", "certificates", "proxy"} {
		secrets.set(name, secret.Secret{"a": []byte("1")})
		look(true)
		secrets.set(name, secret.Secret{"a": []byte("2")})
		look(true)
		secrets.set(name, secret.Secret{"a": []byte("2")})
		look(false)
	}
	secrets.set("other", secret.Secret{})
	look(false)
	secrets.Delete("apps", "login")
	look(true)
	s.Secrets = broken{}
	look(true)
	if version, err := s.Versions().Of(t.Context(), References(of("ghcr.io/app", nil))); version != "" || err != nil {
		t.Errorf("without secrets: %q, %v", version, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Versions().Of(ended, []object.Key{object.KeyOf("apps", "login")}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
