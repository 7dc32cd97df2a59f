// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	handshakeTimeout = 10 * time.Second
	// maxAuthorities bounds the certificates of one ca.crt; the public web has 150.
	maxAuthorities = 1000
	maxProxy       = 4096 // bytes of an address
)

var (
	// ErrInvalidAuthorities says that what should be certificates of authorities is none.
	ErrInvalidAuthorities = errors.New("no PEM certificates")
	// ErrInvalidCertificate says that certificate and key are not a pair.
	ErrInvalidCertificate = errors.New("no pair of PEM certificate and key")
	// ErrInvalidProxy says that an address is none that a proxy can have.
	ErrInvalidProxy = errors.New("no address of a proxy")
)

// Network is how to reach a registry where that is not as everywhere: with
// authorities, a certificate and a proxy of a repository's own. It is not changed.
type Network struct {
	authorities []*x509.Certificate
	pair        *tls.Certificate
	proxy       *url.URL
	config      NetworkConfig
}

// NetworkConfig is what a Network is made of; all of it may be empty.
type NetworkConfig struct {
	// Authorities are PEM certificates, trusted beside the system's.
	Authorities []byte
	// Certificate and Key are PEM, shown to the registry's host and port and to
	// nobody else: not to the token service, a redirect's target or a proxy.
	Certificate, Key []byte
	// Proxy takes the place of the Client's, for all hosts; see ParseProxy.
	Proxy *url.URL
}

// NewNetwork reads a network's parts. Errors are ErrInvalidAuthorities and
// ErrInvalidCertificate, and tell nothing of the content.
func NewNetwork(config NetworkConfig) (*Network, error) {
	n := &Network{proxy: config.Proxy, config: config}
	var err error
	if len(config.Authorities) > 0 {
		if n.authorities, err = parseAuthorities(config.Authorities); err != nil {
			return nil, err
		}
	}
	if len(config.Certificate) == 0 && len(config.Key) == 0 {
		return n, nil
	}
	pair, err := tls.X509KeyPair(config.Certificate, config.Key)
	if err != nil {
		// The library's message may quote the input.
		return nil, ErrInvalidCertificate
	}
	n.pair = &pair
	return n, nil
}

func parseAuthorities(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || len(found) == maxAuthorities {
			return nil, ErrInvalidAuthorities
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		return nil, ErrInvalidAuthorities
	}
	return found, nil
}

// ParseProxy reads a proxy's address: a URL with the scheme http, https or
// socks5 and a host. Username and password, unless empty, stand in place of
// those in the address. Names are resolved by the proxy. Errors are
// ErrInvalidProxy and tell nothing of the content.
func ParseProxy(address, username, password string) (*url.URL, error) {
	if len(address) > maxProxy {
		return nil, ErrInvalidProxy
	}
	parsed, err := url.Parse(strings.TrimSpace(address))
	if err != nil || parsed.Hostname() == "" || parsed.Opaque != "" {
		return nil, ErrInvalidProxy
	}
	switch parsed.Scheme {
	case "http", "https", "socks5":
	default:
		return nil, ErrInvalidProxy
	}
	proxy := &url.URL{Scheme: parsed.Scheme, Host: parsed.Host, User: parsed.User}
	if username != "" || password != "" {
		proxy.User = url.UserPassword(username, password)
	}
	if secret, _ := proxy.User.Password(); proxy.Scheme == "socks5" && (len(proxy.User.Username()) > 255 || len(secret) > 255) {
		return nil, ErrInvalidProxy
	}
	return proxy, nil
}

// isLocal tells whether what is sent to a loopback address stays on this machine.
func (n *Network) isLocal() bool { return n == nil || n.proxy == nil || isLoopback(n.proxy.Host) }

// parts are all that tells one network from another, for a fingerprint.
func (n *Network) parts() []string {
	if n == nil {
		return nil
	}
	parts := []string{string(n.config.Authorities), string(n.config.Certificate), string(n.config.Key), ""}
	if n.proxy != nil {
		parts[3] = n.proxy.String()
	}
	return parts
}

// routes are the connections of one network. The registry alone sees the
// network's certificate.
type routes struct {
	host        string
	own, others *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (r *routes) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "https" && strings.EqualFold(request.URL.Host, r.host) {
		return r.own.RoundTrip(request)
	}
	return r.others.RoundTrip(request)
}

func (r *routes) close() {
	r.own.CloseIdleConnections()
	r.others.CloseIdleConnections()
}

// newRoutes makes a network's connections to a registry.
func (c *Client) newRoutes(host string, n *Network) (*routes, error) {
	others := c.transport.Clone()
	if n.proxy != nil {
		others.Proxy = http.ProxyURL(n.proxy)
	}
	if len(n.authorities) > 0 {
		pool, err := c.authorities()
		if err != nil {
			return nil, err
		}
		for _, authority := range n.authorities {
			pool.AddCert(authority)
		}
		others.TLSClientConfig = configOf(others)
		others.TLSClientConfig.RootCAs = pool
	}
	if n.pair == nil {
		return &routes{host: host, own: others, others: others}, nil
	}
	own := others.Clone()
	own.TLSClientConfig = configOf(own)
	own.TLSClientConfig.Certificates = []tls.Certificate{*n.pair}
	own.DialTLSContext = certified(host, own, configOf(others))
	return &routes{host: host, own: own, others: others}, nil
}

// certified dials the registry with the certificate. What else a transport
// that sends to the registry alone dials with TLS is a proxy: without.
func certified(host string, own *http.Transport, without *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	address, with := withPort(host), own.TLSClientConfig.Clone()
	with.NextProtos = []string{"h2", "http/1.1"}
	without.NextProtos = []string{"http/1.1"}
	dial := own.DialContext
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		config := without
		if strings.EqualFold(to, address) {
			config = with
		}
		if config.ServerName == "" {
			config = config.Clone()
			config.ServerName = hostname(to)
		}
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		raw, err := dial(ctx, network, to)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		return secured, nil
	}
}

func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "443")
}

func configOf(t *http.Transport) *tls.Config {
	if t.TLSClientConfig == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return t.TLSClientConfig.Clone()
}

// authorities is a copy of those that everybody trusts.
func (c *Client) authorities() (*x509.CertPool, error) {
	if c.config.TLS != nil && c.config.TLS.RootCAs != nil {
		return c.config.TLS.RootCAs.Clone(), nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("the system's authorities: %w", err)
	}
	return pool, nil
}
