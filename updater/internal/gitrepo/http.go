// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Bounds on what a server may send, in bytes.
const (
	maxAdvertisement = 64 << 20 // about 600,000 references
	maxPack          = 2 << 30
	maxReport        = 4 << 20
	maxErrorBody     = 16 << 10
)

var errAnswerTooLarge = errors.New("the answer is larger than allowed")

// connector opens sessions to one remote with one credential.
type connector interface {
	upload(ctx context.Context) (transport.UploadPackSession, error)
	receive(ctx context.Context) (transport.ReceivePackSession, error)
	close()
}

// httpConnector speaks smart HTTP. It has a client and a connection pool of its own: go-git's protocol
// registry is global, so it is not used.
type httpConnector struct {
	url    string
	auth   transport.AuthMethod
	client transport.Transport
	pool   *http.Transport
}

func newHTTP(remote Remote) (*httpConnector, error) {
	config, err := tlsConfig(remote)
	if err != nil {
		return nil, err
	}
	pool := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   15 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   2,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	if remote.Proxy != nil {
		pool.Proxy = http.ProxyURL(remote.Proxy)
	}
	c := &httpConnector{url: remote.URL, pool: pool}
	c.client = githttp.NewClient(&http.Client{Transport: boundedTripper{pool}})
	switch auth := remote.Auth; {
	case auth.BearerToken != "":
		c.auth = &githttp.TokenAuth{Token: auth.BearerToken}
	case auth.Username != "" || auth.Password != "":
		c.auth = &githttp.BasicAuth{Username: auth.Username, Password: auth.Password}
	}
	return c, nil
}

func tlsConfig(remote Remote) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(remote.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool() // a system without authorities
		}
		if !roots.AppendCertsFromPEM(remote.CA) {
			return nil, newError("open", remote, ErrCredential, "ca.crt has no PEM certificate", nil)
		}
		config.RootCAs = roots
	}
	if len(remote.ClientCert) == 0 && len(remote.ClientKey) == 0 {
		return config, nil
	}
	pair, err := tls.X509KeyPair(remote.ClientCert, remote.ClientKey)
	if err != nil {
		return nil, newError("open", remote, ErrCredential, "tls.crt and tls.key are no pair of certificate and key", nil)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// endpoint is a new one for each session: go-git rewrites it after a redirect.
func (c *httpConnector) endpoint() (*transport.Endpoint, error) {
	return transport.NewEndpoint(c.url)
}

func (c *httpConnector) upload(context.Context) (transport.UploadPackSession, error) {
	endpoint, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	return c.client.NewUploadPackSession(endpoint, c.auth)
}

func (c *httpConnector) receive(context.Context) (transport.ReceivePackSession, error) {
	endpoint, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	return c.client.NewReceivePackSession(endpoint, c.auth)
}

func (c *httpConnector) close() { c.pool.CloseIdleConnections() }

// boundedTripper bounds the body of every answer by what was asked for.
type boundedTripper struct{ next http.RoundTripper }

func (t boundedTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	limit := int64(maxReport)
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		answer.Body = truncatedBody{io.LimitReader(answer.Body, maxErrorBody), answer.Body}
		return answer, nil
	case strings.HasSuffix(r.URL.Path, "/info/refs"):
		limit = maxAdvertisement
	case strings.HasSuffix(r.URL.Path, "/"+transport.UploadPackServiceName):
		limit = maxPack
	}
	answer.Body = truncatedBody{&limitedReader{answer.Body, limit}, answer.Body}
	return answer, nil
}

type truncatedBody struct {
	io.Reader
	io.Closer
}

// limitedReader fails, where io.LimitReader would end.
type limitedReader struct {
	from io.Reader
	left int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, errAnswerTooLarge
	}
	return n, err
}

// connect makes the connector for a checked remote.
func connect(remote Remote) (connector, error) {
	parsed, err := url.Parse(remote.URL)
	if err != nil {
		return nil, newError("open", remote, ErrURL, "it cannot be parsed", nil)
	}
	if parsed.Scheme == "ssh" {
		return newSSH(remote, parsed)
	}
	return newHTTP(remote)
}
