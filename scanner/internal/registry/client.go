// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tidemark-io/tidemark/scanner/internal/budget"
)

// Config is what all requests of a Client have in common.
type Config struct {
	// TLS adds authorities and client certificates; nil: the system's.
	TLS *tls.Config
	// Proxy chooses a proxy per request; nil: from the environment.
	Proxy func(*http.Request) (*url.URL, error)
	// UserAgent is sent before the library's own; empty: "tidemark".
	UserAgent string
	// Budget says when a request may be sent, to the registries and to whatever
	// hosts they lead to; nil: at once.
	Budget *budget.Hosts
}

// Options belong to one repository.
type Options struct {
	// Keychain finds the credential; nil: anonymous.
	Keychain authn.Keychain
	// Network is the repository's own way to the registry; nil: the Client's.
	Network *Network
	// Insecure allows plain HTTP and, with it, sending credentials in the
	// clear. Hosts of this machine (localhost, 127.0.0.0/8, ::1) may speak
	// plain HTTP without it, unless it is a Network's proxy elsewhere that
	// would look for them.
	Insecure bool
	// PageSize is how many tags to ask for at once; zero or less: 1,000. A
	// registry may answer with fewer.
	PageSize int
}

// limits bound what a registry may do to us.
type limits struct {
	body     int64 // bytes of one answer
	total    int64 // bytes of all pages of a listing
	pages    int
	tags     int
	idle     int // pages in a row without a tag
	sessions int
}

func defaultLimits() limits {
	return limits{
		body:     16 << 20,
		total:    512 << 20,
		pages:    40_000,
		tags:     2_000_000,
		idle:     16,
		sessions: 10_000,
	}
}

// Client asks registries. It keeps connections, and what it learnt while
// signing in, between requests. It may be used concurrently.
type Client struct {
	config    Config
	transport *http.Transport
	userAgent string
	limits    limits
	sessions  *recent[sessionKey, *session]
	networks  *recent[networkKey, *routes]
	hosts     *budget.Hosts
	key       []byte // makes fingerprints of credentials worthless elsewhere
}

// NewClient returns a client; Close it when it is no longer needed.
func NewClient(config Config) *Client {
	proxy := config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	userAgent := config.UserAgent
	if userAgent == "" {
		userAgent = "tidemark"
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: refuseLinkLocal}
	bounds := defaultLimits()
	return &Client{
		config: config,
		transport: &http.Transport{
			Proxy:                  proxy,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        config.TLS.Clone(),
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    handshakeTimeout,
			OnProxyConnectResponse: proxyAnswered,
			MaxResponseHeaderBytes: 256 << 10,
		},
		userAgent: userAgent,
		limits:    bounds,
		sessions:  newRecent[sessionKey, *session](bounds.sessions, idleTime, nil),
		networks:  newRecent[networkKey](maxNetworks, idleTime, (*routes).close),
		hosts:     config.Budget,
		key:       []byte(rand.Text()),
	}
}

// Close closes idle connections. Requests under way end by their contexts.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
	c.networks.clear()
}

// do runs ask with a session that is signed in. A session from an earlier scan
// may be out of date (the registry asks for credentials now, or moved to another
// scheme): one that is refused is replaced by a new one, which gets the last
// word; one that does not connect is forgotten.
func (c *Client) do(ctx context.Context, about asked, options Options, ask func(*session, asked) error) error {
	credential, err := c.credential(ctx, about, options)
	if err != nil {
		return err
	}
	about.anonymous = credential == authn.AuthConfig{}
	key := sessionKey{
		name: about.name, insecure: options.Insecure,
		credential: c.fingerprint(credential.Username, credential.Password, credential.Auth,
			credential.IdentityToken, credential.RegistryToken),
		network: c.fingerprint(options.Network.parts()...),
	}
	if known, found := c.sessions.get(key); found {
		err := ask(known, about)
		if outdated(err) {
			c.sessions.remove(key)
		}
		if !errors.Is(err, ErrAuthentication) {
			return err
		}
	}
	fresh, err := c.signIn(ctx, about, options, credential)
	if err != nil {
		return err
	}
	err = ask(fresh, about)
	if !outdated(err) {
		c.sessions.put(key, fresh)
	}
	return err
}

// outdated tells whether an error may be due to what signing in had found.
func outdated(err error) bool {
	return errors.Is(err, ErrAuthentication) || errors.Is(err, ErrUnreachable)
}

// credential asks the keychain. A keychain's error may hold anything, so it is
// told of and not repeated.
func (c *Client) credential(ctx context.Context, about asked, options Options) (authn.AuthConfig, error) {
	if options.Keychain == nil {
		return authn.AuthConfig{}, nil
	}
	found, err := authn.Resolve(ctx, options.Keychain, about.name)
	if err == nil {
		var config *authn.AuthConfig
		if config, err = authn.Authorization(ctx, found); err == nil {
			return *config, nil
		}
	}
	if errors.Is(err, context.Canceled) {
		return authn.AuthConfig{}, about.failed(err)
	}
	return authn.AuthConfig{}, &Error{
		Kind:     ErrAuthentication,
		Message:  fmt.Sprintf("the credentials for %s cannot be read", about.name),
		deadline: errors.Is(err, context.DeadlineExceeded),
	}
}

// RegistryStr makes a name what keychains look for; see authn.Resource.
func (n CanonicalName) RegistryStr() string { return n.registry }

// fingerprint tells secrets apart without keeping them.
func (c *Client) fingerprint(parts ...string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, c.key)
	for _, part := range parts {
		// A hash never fails to be written to.
		_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

// networkKey: two registries may not share what carries a certificate.
type networkKey struct {
	host    string
	network [sha256.Size]byte
}

// maxNetworks bounds the sets of connections that are kept beside the Client's own.
const maxNetworks = 1000

// reach is the way to a registry.
func (c *Client) reach(host string, n *Network) (http.RoundTripper, error) {
	if n == nil {
		return c.transport, nil
	}
	key := networkKey{host: strings.ToLower(host), network: c.fingerprint(n.parts()...)}
	if known, found := c.networks.get(key); found {
		return known, nil
	}
	made, err := c.newRoutes(host, n)
	if err != nil {
		return nil, err
	}
	c.networks.put(key, made)
	return made, nil
}

// signIn asks the registry how it wants to be asked, and gets a token if that
// is how. The library tries https first; http only where plain allows it.
func (c *Client) signIn(
	ctx context.Context, about asked, options Options, credential authn.AuthConfig,
) (*session, error) {
	host := about.name.registry
	local := options.Network.isLocal()
	plain := options.Insecure || isLoopback(host) && local
	var parse []name.Option
	if plain {
		parse = append(parse, name.Insecure)
	}
	registry, err := name.NewRegistry(host, parse...)
	if err != nil {
		return nil, about.invalid("the host is not valid")
	}
	way, err := c.reach(host, options.Network)
	if err != nil {
		return nil, about.unreachable("the system's certificate authorities cannot be read", false)
	}
	guarded := transport.NewUserAgent(&guard{
		next: c.withinBudget(way, about.name, credential), host: host, maxBody: c.limits.body,
		plain: options.Insecure, local: local,
	}, c.userAgent)
	authenticator := authn.Anonymous
	if !about.anonymous {
		authenticator = authn.FromConfig(credential)
	}
	scope := registry.Repo(about.name.repository).Scope(transport.PullScope)
	signedIn, err := transport.NewWithContext(ctx, registry, authenticator, guarded, []string{scope})
	if err != nil {
		return nil, about.failed(err)
	}
	return &session{client: &http.Client{Transport: signedIn, CheckRedirect: fewRedirects}}, nil
}

// fewRedirects follows five: registry.k8s.io needs one. Where to is for the
// guard to say.
func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > 5 {
		return errRedirects
	}
	return nil
}
