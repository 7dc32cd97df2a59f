// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

// private is a real registry that speaks TLS with certificates of its own
// authority and wants one of it from clients.
type private struct {
	*localregistry.Registry
	authority        *localregistry.Authority
	certificate, key []byte
	hits             atomic.Int64
	name             CanonicalName
	username         string
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func issue(t *testing.T, authority *localregistry.Authority) (certificate, key []byte) {
	t.Helper()
	certificate, key, err := authority.Issue("robot")
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// newPrivate starts a registry with three tags at team/app.
func newPrivate(t *testing.T, config localregistry.Config) *private {
	t.Helper()
	p := &private{authority: must[*localregistry.Authority](t)(localregistry.NewAuthority()), username: config.Username}
	p.certificate, p.key = issue(t, p.authority)
	pair := must[tls.Certificate](t)(tls.X509KeyPair(p.certificate, p.key))
	config.TLS = must[*tls.Config](t)(p.authority.Server())
	config.TLS.ClientAuth, config.TLS.ClientCAs = tls.RequireAndVerifyClientCert, p.authority.Pool()
	config.ClientTLS = &tls.Config{RootCAs: p.authority.Pool(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	config.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.hits.Add(1)
			next.ServeHTTP(w, r)
		})
	}
	p.Registry = must[*localregistry.Registry](t)(localregistry.Start(config))
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the registry: %v", err)
		}
	})
	if err := p.Push(t.Context(), "team/app", "1", "2", "3"); err != nil {
		t.Fatal(err)
	}
	p.name = parse(t, p.Host()+"/team/app")
	p.hits.Store(0)
	return p
}

// network has the right authority and certificate, unless others are given.
func (p *private) network(t *testing.T, config NetworkConfig) *Network {
	t.Helper()
	if config.Authorities == nil {
		config.Authorities = p.authority.PEM()
	}
	if config.Certificate == nil {
		config.Certificate, config.Key = p.certificate, p.key
	}
	return must[*Network](t)(NewNetwork(config))
}

func (p *private) options(t *testing.T, network *Network) Options {
	t.Helper()
	options := Options{Network: network}
	if p.username != "" {
		options.Keychain = login(t, p.Host(), p.username, "secret")
	}
	return options
}

func TestAPrivateRegistryTakesTheRightCertificatesAlone(t *testing.T) {
	p := newPrivate(t, localregistry.Config{})
	other := must[*localregistry.Authority](t)(localregistry.NewAuthority())
	certificate, key := issue(t, other)
	client := newClient(t)
	for _, test := range []struct {
		name    string
		network *Network
		want    []error
		message string
	}{
		{"all right", p.network(t, NetworkConfig{}), nil, ""},
		{"no network", nil, []error{ErrUnreachable, ErrDistrusted}, "registry %s cannot be reached: its certificate is signed by an authority that is not trusted here"},
		{"another authority", p.network(t, NetworkConfig{Authorities: other.PEM()}), []error{ErrUnreachable, ErrDistrusted},
			"registry %s cannot be reached: its certificate is signed by an authority that is not trusted here"},
		{"no certificate", must[*Network](t)(NewNetwork(NetworkConfig{Authorities: p.authority.PEM()})), []error{ErrAuthentication, ErrClientCertificate},
			"registry %s wants a client certificate that it trusts"},
		{"a certificate of another authority", p.network(t, NetworkConfig{Certificate: certificate, Key: key}), []error{ErrAuthentication, ErrClientCertificate},
			"registry %s wants a client certificate that it trusts"},
		{"two authorities", p.network(t, NetworkConfig{Authorities: slices.Concat(other.PEM(), p.authority.PEM())}), nil, ""},
		{"all right once more", p.network(t, NetworkConfig{}), nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			listing, err := client.List(t.Context(), p.name, Options{Network: test.network})
			if len(test.want) == 0 {
				if err != nil || len(listing.Tags) != 3 {
					t.Errorf("%v, %v", listing.Tags, err)
				}
				return
			}
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("%v is no %v", err, want)
				}
			}
			if want := strings.ReplaceAll(test.message, "%s", p.Host()); err == nil || err.Error() != want {
				t.Errorf("%v\nwant %s", err, want)
			}
		})
	}
}

func TestConnectionsAndTokensAreKeptPerNetwork(t *testing.T) {
	p := newPrivate(t, localregistry.Config{Username: "robot", Password: "secret", Tokens: &localregistry.Tokens{}})
	client := newClient(t)
	tokens := p.TokenRequests()
	for i := range 3 {
		p.hits.Store(0)
		if _, err := client.List(t.Context(), p.name, p.options(t, p.network(t, NetworkConfig{}))); err != nil {
			t.Fatal(err)
		}
		if want := int64(1); i > 0 && p.hits.Load() != want {
			t.Errorf("listing %d cost %d requests", i+1, p.hits.Load())
		}
	}
	if n := p.TokenRequests() - tokens; n != 1 {
		t.Errorf("%d tokens for three listings", n)
	}
	p.certificate, p.key = issue(t, p.authority)
	if _, err := client.List(t.Context(), p.name, p.options(t, p.network(t, NetworkConfig{}))); err != nil {
		t.Error(err)
	}
	if n := p.TokenRequests() - tokens; n != 2 {
		t.Errorf("%d tokens for two certificates", n)
	}
}

func TestATokenIsRenewedWhenItIsOver(t *testing.T) {
	r := startRegistry(t, localregistry.Config{
		// The registry grants a minute more: two seconds.
		Username: "robot", Password: "secret", Tokens: &localregistry.Tokens{Lifetime: -58 * time.Second},
	})
	push(t, r, "team/app", 2)
	client, name := newClient(t), parse(t, r.Host()+"/team/app")
	options := Options{Keychain: login(t, r.Host(), "robot", "secret"), Insecure: true}
	before := r.TokenRequests()
	for deadline := time.Now().Add(10 * time.Second); r.TokenRequests() < before+2; {
		if listing, err := client.List(t.Context(), name, options); err != nil || len(listing.Tags) != 2 {
			t.Fatalf("after %d tokens: %v, %v", r.TokenRequests()-before, listing.Tags, err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the token is never over")
		}
	}
}

func TestPasswordsOfATokenService(t *testing.T) {
	r := startRegistry(t, localregistry.Config{Username: "robot", Password: "secret", Tokens: &localregistry.Tokens{}})
	push(t, r, "team/app", 1)
	client, name := newClient(t), parse(t, r.Host()+"/team/app")
	identity := docker(t, `{"auths":{"`+r.Host()+`":{"identitytoken":"secret"}}}`)
	for _, test := range []struct {
		name    string
		options Options
		want    error
	}{
		{"right", Options{Keychain: login(t, r.Host(), "robot", "secret")}, nil},
		{"wrong", Options{Keychain: login(t, r.Host(), "robot", "hunter2")}, ErrAuthentication},
		{"none", Options{}, ErrAuthentication},
		{"another host's", Options{Keychain: login(t, "localhost", "robot", "secret")}, ErrAuthentication},
		{"an identity token", identity, nil},
		{"right again", Options{Keychain: login(t, r.Host(), "robot", "secret")}, nil},
	} {
		if _, err := client.List(t.Context(), name, test.options); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		} else if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the password", test.name)
		}
	}
}

func docker(t *testing.T, config string) Options {
	t.Helper()
	keychain, err := DockerConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return Options{Keychain: keychain}
}

// stranger is a TLS server of the same authority that asks for certificates,
// and notes whether it is shown one or told a credential.
func stranger(t *testing.T, authority *localregistry.Authority, handler http.Handler) (host string, shown *atomic.Int64) {
	t.Helper()
	shown = &atomic.Int64{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) > 0 || r.Header.Get("Authorization") != "" {
			shown.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	server.TLS = must[*tls.Config](t)(authority.Server())
	server.TLS.ClientAuth = tls.RequestClientCert
	server.StartTLS()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "https://"), shown
}

func TestACertificateIsShownToItsRegistryAlone(t *testing.T) {
	authority := must[*localregistry.Authority](t)(localregistry.NewAuthority())
	elsewhere, strangers := stranger(t, authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token":
			write(w, `{"token":"t"}`)
		default:
			write(w, `{"tags":["a","b"]}`)
		}
	}))
	host, own := stranger(t, authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v2/":
		case "/v2/linked/tags/list":
			w.Header().Set("Link", `<https://`+elsewhere+`/v2/linked/tags/list?n=1&last=a>; rel="next"`)
			write(w, `{"tags":["a"]}`)
		default:
			http.Redirect(w, r, "https://"+elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	certificate, key := issue(t, authority)
	network := must[*Network](t)(NewNetwork(NetworkConfig{Authorities: authority.PEM(), Certificate: certificate, Key: key}))
	options := Options{Network: network, Keychain: login(t, host, "robot", "secret")}
	client := newClient(t)
	listing, err := client.List(t.Context(), parse(t, host+"/app"), options)
	if err != nil || !slices.Equal(listing.Tags, []string{"a", "b"}) {
		t.Fatalf("%v, %v", listing.Tags, err)
	}
	if _, err := client.List(t.Context(), parse(t, host+"/linked"), options); !errors.Is(err, ErrInvalidResponse) {
		t.Errorf("a link to another host: %v", err)
	}
	if strangers.Load() != 0 || own.Load() == 0 {
		t.Errorf("certificate or credential went to the redirect's target %d times, to the registry %d times", strangers.Load(), own.Load())
	}
}

func TestATokenServiceElsewhereSeesNoCertificate(t *testing.T) {
	authority := must[*localregistry.Authority](t)(localregistry.NewAuthority())
	var asked, certificates atomic.Int64
	tokens, _ := stranger(t, authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if len(r.TLS.PeerCertificates) > 0 {
			certificates.Add(1)
		}
		write(w, `{"token":"t"}`)
	}))
	_, port, _ := strings.Cut(tokens, ":")
	host, own := stranger(t, authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://localhost:`+port+`/token",service="s"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		write(w, `{"tags":["a"]}`)
	}))
	certificate, key := issue(t, authority)
	network := must[*Network](t)(NewNetwork(NetworkConfig{Authorities: authority.PEM(), Certificate: certificate, Key: key}))
	if _, err := newClient(t).List(t.Context(), parse(t, host+"/app"), Options{Network: network}); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 1 || certificates.Load() != 0 || own.Load() == 0 {
		t.Errorf("the token service was asked %d times and saw %d certificates, the registry %d", asked.Load(), certificates.Load(), own.Load())
	}
}

func TestAnIdentityTokenIsNotCarriedOnToAnotherHost(t *testing.T) {
	authority := must[*localregistry.Authority](t)(localregistry.NewAuthority())
	var told atomic.Int64
	thief, _ := stranger(t, authority, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		told.Add(1)
		write(w, `{"token":"t"}`)
	}))
	_, port, _ := strings.Cut(thief, ":")
	var host string
	host, _ = stranger(t, authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			http.Redirect(w, r, "https://localhost:"+port+"/token", http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+host+`/token",service="s"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	options := docker(t, `{"auths":{"`+host+`":{"identitytoken":"hunter2"}}}`)
	options.Network = must[*Network](t)(NewNetwork(NetworkConfig{Authorities: authority.PEM()}))
	_, err := newClient(t).List(t.Context(), parse(t, host+"/app"), options)
	want := "registry " + host + " sent an invalid answer: it sends credentials on to another host"
	if told.Load() != 0 || !errors.Is(err, ErrInvalidResponse) || err.Error() != want {
		t.Errorf("the other host was asked %d times: %v", told.Load(), err)
	}
}

func TestAnHTTPSProxySeesNoCertificate(t *testing.T) {
	p := newPrivate(t, localregistry.Config{})
	var shown atomic.Int64
	proxy, address := connectProxy(t, "proxy", "pass", func(handler http.Handler) *httptest.Server {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(r.TLS.PeerCertificates) > 0 || r.Header.Get("Authorization") != "" {
				shown.Add(1)
			}
			handler.ServeHTTP(w, r)
		}))
		server.TLS = must[*tls.Config](t)(p.authority.Server())
		server.TLS.ClientAuth = tls.RequestClientCert
		server.StartTLS()
		return server
	})
	parsed, err := ParseProxy(address.String(), "proxy", "pass")
	if err != nil {
		t.Fatal(err)
	}
	listing, err := newClient(t).List(t.Context(), p.name, p.options(t, p.network(t, NetworkConfig{Proxy: parsed})))
	if err != nil || len(listing.Tags) != 3 {
		t.Fatalf("%v, %v", listing.Tags, err)
	}
	if proxy.connected.Load() == 0 || shown.Load() != 0 {
		t.Errorf("%d connections, %d of them with a certificate for the proxy", proxy.connected.Load(), shown.Load())
	}
}

func TestPlainHTTPThroughAProxyElsewhereNeedsInsecure(t *testing.T) {
	remote := &Network{proxy: must[*url.URL](t)(ParseProxy("http://proxy.example:1", "", ""))}
	local := &Network{proxy: must[*url.URL](t)(ParseProxy("http://127.0.0.1:1", "", ""))}
	for _, test := range []struct {
		name     string
		network  *Network
		insecure bool
		want     error
	}{
		{"no proxy", nil, false, nil},
		{"a proxy on this machine", local, false, nil},
		{"a proxy elsewhere", remote, false, errPlainHTTP},
		{"a proxy elsewhere, insecure", remote, true, nil},
	} {
		g := &guard{host: "127.0.0.1:5000", plain: test.insecure, local: test.network.isLocal()}
		request := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:5000/v2/", nil)
		if err := g.allows(request); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestPartsOfANetworkThatCannotBeRead(t *testing.T) {
	authority := must[*localregistry.Authority](t)(localregistry.NewAuthority())
	certificate, key := issue(t, authority)
	_, another := issue(t, authority)
	for name, test := range map[string]struct {
		config NetworkConfig
		want   error
	}{
		"nothing":                  {NetworkConfig{}, nil},
		"all":                      {NetworkConfig{Authorities: authority.PEM(), Certificate: certificate, Key: key}, nil},
		"authorities that are not": {NetworkConfig{Authorities: []byte("hunter2")}, ErrInvalidAuthorities},
		"a key for authorities":    {NetworkConfig{Authorities: key}, ErrInvalidAuthorities},
		"a certificate alone":      {NetworkConfig{Certificate: certificate}, ErrInvalidCertificate},
		"a key alone":              {NetworkConfig{Key: key}, ErrInvalidCertificate},
		"no pair":                  {NetworkConfig{Certificate: certificate, Key: another}, ErrInvalidCertificate},
	} {
		if _, err := NewNetwork(test.config); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
