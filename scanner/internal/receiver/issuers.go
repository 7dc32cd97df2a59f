// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"
)

const (
	googleIssuer = "https://accounts.google.com"
	googleKeys   = "https://www.googleapis.com/oauth2/v3/certs"
	// issuerTimeout bounds one question to an issuer, maxIssuerAnswer its answer, in bytes.
	issuerTimeout   = 5 * time.Second
	maxIssuerAnswer = 1 << 20
	// issuerRetry is how long an issuer that could not be reached is left alone.
	issuerRetry = 10 * time.Second
	maxIssuers  = 256
)

// Issuers knows the keys that tokens are signed with: found by discovery, kept, and asked for again when a token names one
// that is not known, at a bounded rate. The zero value asks the internet. It is safe for concurrent use.
type Issuers struct {
	// Transport reaches the issuers. Nil: http.DefaultTransport.
	Transport http.RoundTripper
	// GoogleKeys are Google's, for the type gcr. Nil: those that Google publishes.
	GoogleKeys oidc.KeySet

	mu    sync.Mutex
	known map[string]*issuer
	keys  oidc.KeySet // Google's, once they were needed
}

// issuer is one that a receiver names. Its lock is held during discovery, so that one asks and the others wait.
type issuer struct {
	mu       sync.Mutex
	provider *oidc.Provider
	failed   time.Time
	err      error
}

// verify returns the claims of a token that the issuer signed for the audience and that is valid now.
func (s *Issuers) verify(ctx context.Context, raw, url, audience string) (map[string]any, error) {
	found, err := s.discover(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("%w: the issuer %s: %w", ErrUnverifiable, url, err)
	}
	return claimsOf(ctx, found.Verifier(&oidc.Config{ClientID: audience}), raw)
}

// google returns the claims of a token that Google signed.
func (s *Issuers) google(ctx context.Context, raw, audience string) (map[string]any, error) {
	config := &oidc.Config{ClientID: audience, SkipClientIDCheck: audience == ""}
	keys := s.googleSet() //nolint:contextcheck // it is kept for later calls, so its context must not be this one's
	return claimsOf(ctx, oidc.NewVerifier(googleIssuer, keys, config), raw)
}

func (s *Issuers) googleSet() oidc.KeySet {
	if s.GoogleKeys != nil {
		return s.GoogleKeys
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = oidc.NewRemoteKeySet(s.client(), googleKeys)
	}
	return s.keys
}

func claimsOf(ctx context.Context, verifier *oidc.IDTokenVerifier, raw string) (map[string]any, error) {
	token, err := verifier.Verify(ctx, raw)
	if errors.Is(err, errAsked) {
		return nil, fmt.Errorf("%w: %w", ErrUnverifiable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotProven, err)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotProven, err)
	}
	return claims, nil
}

func (s *Issuers) discover(ctx context.Context, url string) (*oidc.Provider, error) {
	one := s.issuer(url)
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.provider != nil {
		return one.provider, nil
	}
	if one.err != nil && time.Since(one.failed) < issuerRetry {
		return nil, one.err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("waiting for its keys: %w", err)
	}
	// The provider keeps this context for its later questions, so it must not be the caller's.
	one.provider, one.err = oidc.NewProvider(s.client(), url) //nolint:contextcheck // see above
	one.failed = time.Now()
	return one.provider, one.err
}

func (s *Issuers) issuer(url string) *issuer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.known[url]; ok {
		return one
	}
	if s.known == nil || len(s.known) >= maxIssuers {
		s.known = map[string]*issuer{} // receivers were changed that often: who is still needed is found again
	}
	one := &issuer{}
	s.known[url] = one
	return one
}

// client is the context in which go-oidc asks.
func (s *Issuers) client() context.Context {
	next := s.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	return oidc.ClientContext(context.Background(), &http.Client{
		Timeout: issuerTimeout,
		// Ten at once, then one in two seconds: tokens with invented key ids must not make us flood an issuer.
		Transport: &careful{next: next, limit: rate.NewLimiter(rate.Every(2*time.Second), 10)},
	})
}

// errAsked marks what went wrong while an issuer was asked.
var errAsked = errors.New("asking the issuer for its keys failed")

// careful bounds how often an issuer is asked and how much it may answer.
type careful struct {
	next  http.RoundTripper
	limit *rate.Limiter
}

// RoundTrip implements http.RoundTripper.
func (t *careful) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.limit.Allow() {
		return nil, fmt.Errorf("%w: it was asked too often", errAsked)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAsked, err)
	}
	resp.Body = bounded{Reader: io.LimitReader(resp.Body, maxIssuerAnswer), Closer: resp.Body}
	return resp, nil
}

type bounded struct {
	io.Reader
	io.Closer
}

// unverifiedIssuer is who a token says it is of; only for choosing whose keys are asked.
func unverifiedIssuer(raw string) (string, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("%w: the token is no JWT", ErrNotProven)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("%w: the token is no JWT", ErrNotProven)
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", fmt.Errorf("%w: the token is no JWT", ErrNotProven)
	}
	return claims.Issuer, nil
}
