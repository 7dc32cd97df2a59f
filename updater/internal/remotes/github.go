// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

const (
	askTimeout = 20 * time.Second
	maxAnswer  = 1 << 20 // bytes; a real one has a few thousand
	maxToken   = 16 << 10
	maxSaid    = 200 // bytes of what GitHub says that goes into a sentence
	// The App's word that it is the App counts from a minute ago, for clocks differ, for ten minutes at most.
	claimBefore = time.Minute
	claimFor    = 9 * time.Minute
	// tokenFor is how long a token counts whose end was not told. GitHub's count an hour.
	tokenFor = 30 * time.Minute
)

// tokenClient goes the way that the Git requests go. It follows no redirect: who gives tokens gets them himself.
func tokenClient(remote gitrepo.Remote) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(remote.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool() // a system without authorities
		}
		if !roots.AppendCertsFromPEM(remote.CA) {
			return nil, errors.New("has in ca.crt no PEM certificate")
		}
		config.RootCAs = roots
	}
	if len(remote.ClientCert) > 0 {
		pair, err := tls.X509KeyPair(remote.ClientCert, remote.ClientKey)
		if err != nil {
			return nil, errors.New("has in tls.crt and tls.key no pair of certificate and key")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
		DisableKeepAlives: true, // it is asked once an hour
	}
	if remote.Proxy != nil {
		transport.Proxy = http.ProxyURL(remote.Proxy)
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       askTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// claim is a JSON web token (RFC 7519) by which the App says who it is.
func (a app) claim(private *rsa.PrivateKey, now time.Time) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iat": now.Add(-claimBefore).Unix(), "exp": now.Add(claimFor).Unix(), "iss": a.id,
	})
	if err != nil {
		return "", fmt.Errorf("encode the App's claim: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("%w: secret '%s' has in %s a key that cannot sign; make another one in the App's settings", ErrSecret, a.secret, keyPrivate)
	}
	return signed + "." + encode(signature), nil
}

// ask asks for a token of the installation.
func (a app) ask(ctx context.Context, client *http.Client, private *rsa.PrivateKey) (token, error) {
	claim, err := a.claim(private, time.Now())
	if err != nil {
		return token{}, err
	}
	c := call{app: a, client: client, claim: claim}
	if a.installation == "" {
		if c.installation, err = c.find(ctx); err != nil {
			return token{}, err
		}
	}
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := c.do(ctx, http.MethodPost, "/app/installations/"+c.installation+"/access_tokens", &answer); err != nil {
		return token{}, err
	}
	if answer.Token == "" || len(answer.Token) > maxToken || strings.ContainsFunc(answer.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return token{}, c.fail(gitrepo.ErrProtocol, "its answer has no token; check %s of secret '%s'", keyBase, a.secret)
	}
	now := time.Now()
	if answer.ExpiresAt.IsZero() {
		answer.ExpiresAt = now.Add(tokenFor)
	}
	return token{password: answer.Token, given: now, expiry: answer.ExpiresAt}, nil
}

// call is one conversation with GitHub's API.
type call struct {
	app
	client *http.Client
	claim  string
}

// find asks for the installation at an organization or a user.
func (c *call) find(ctx context.Context) (string, error) {
	var found struct {
		ID int64 `json:"id"`
	}
	err := c.do(ctx, http.MethodGet, "/orgs/"+c.owner+"/installation", &found)
	if missing(err) {
		err = c.do(ctx, http.MethodGet, "/users/"+c.owner+"/installation", &found)
	}
	if err != nil {
		return "", err
	}
	if found.ID <= 0 {
		return "", c.fail(gitrepo.ErrProtocol, "its answer has no installation; check %s of secret '%s'", keyBase, c.secret)
	}
	return strconv.FormatInt(found.ID, 10), nil
}

// do asks for a path of the API. Where the API was said to be at a server's root, it may be below it.
func (c *call) do(ctx context.Context, method, path string, answer any) error {
	err := c.once(ctx, method, path, answer)
	if missing(err) && c.guessed {
		below := *c
		below.base += "/api/v3"
		if again := below.once(ctx, method, path, answer); again == nil || !missing(again) {
			c.base, c.guessed = below.base, false
			return again
		}
	}
	return err
}

func (c *call) once(ctx context.Context, method, path string, answer any) (err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, http.NoBody)
	if err != nil {
		return c.fail(gitrepo.ErrProtocol, "its URL cannot be used; check %s of secret '%s'", keyBase, c.secret)
	}
	request.Header.Set("Authorization", "Bearer "+c.claim)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	request.Header.Set("User-Agent", "tidemark")
	response, err := c.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(err, ctx.Err())
		}
		return fmt.Errorf("%w: a token of the GitHub App was asked for: %w; check the network, the proxy, and %s of secret '%s'; it is tried again",
			gitrepo.ErrUnreachable, err, keyBase, c.secret)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case response.StatusCode < 200 || response.StatusCode > 299:
		return c.refusal(response, body)
	case err != nil:
		return fmt.Errorf("%w: the answer of %s broke off: %w; it is tried again", gitrepo.ErrUnreachable, c.base, err)
	case len(body) > maxAnswer:
		return c.fail(gitrepo.ErrProtocol, "its answer is larger than 1 MiB; check %s of secret '%s'", keyBase, c.secret)
	case json.Unmarshal(body, answer) != nil:
		return c.fail(gitrepo.ErrProtocol, "its answer is no JSON; check %s of secret '%s'", keyBase, c.secret)
	}
	return nil
}
