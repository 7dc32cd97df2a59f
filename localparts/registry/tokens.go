// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const (
	tokenService = "registry"
	tokenIssuer  = "tokens"
	tokenKeyID   = "1"
	keysFile     = "keys.json"
	// tokenLifetime is what a token has where nobody says otherwise.
	tokenLifetime = 5 * time.Minute
)

// Tokens makes a registry ask for bearer tokens, which a service beside it, on
// a port of its own, hands out to those who know the registry's username and
// password (GET with basic authentication, or the password as the refresh token
// of an OAuth request). The service is spoken to as "localhost", over TLS if
// the registry is.
type Tokens struct {
	// Lifetime is how long a token is good; zero: five minutes. The registry
	// grants a minute more, so that a token of -58 s is good for two seconds.
	Lifetime time.Duration
}

// tokenServer is the service: it signs what the registry verifies.
type tokenServer struct {
	config   Config
	key      ed25519.PrivateKey
	realm    string
	requests atomic.Int64
	server   *http.Server
	served   chan error
}

func newTokenServer(config Config) (*tokenServer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("registry: make a key: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("registry: listen for tokens: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("registry: %w", err), listener.Close())
	}
	s := &tokenServer{config: config, key: key, realm: "http://localhost:" + port + "/token", served: make(chan error, 1)}
	if config.TLS != nil {
		// Certificates of clients are the registry's business alone.
		plain := config.TLS.Clone()
		plain.ClientAuth = tls.NoClientCert
		listener = tls.NewListener(listener, plain)
		s.realm = "https://localhost:" + port + "/token"
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

func (s *tokenServer) close() error {
	if s == nil {
		return nil
	}
	err := s.server.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// writeKeys tells the registry which signatures to believe.
func (s *tokenServer) writeKeys(dir string) error {
	public, ok := s.key.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("registry: a key without a public part")
	}
	keys, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": tokenKeyID,
		"x": base64.RawURLEncoding.EncodeToString(public),
	}}})
	if err != nil {
		return fmt.Errorf("registry: encode the keys: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, keysFile), keys, 0o600); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return nil
}

// ServeHTTP answers with a token for what is asked, to who knows the password.
func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if !s.knows(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="tokens"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		return
	}
	var scopes []string
	for _, scope := range r.Form["scope"] {
		scopes = append(scopes, strings.Fields(scope)...)
	}
	token, lifetime, err := s.token(scopes)
	if err != nil {
		http.Error(w, "cannot sign", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone away asks again.
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": int(lifetime.Seconds())})
}

func (s *tokenServer) knows(r *http.Request) bool {
	r.Body = http.MaxBytesReader(nil, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return false
	}
	if r.Method == http.MethodPost {
		return same(r.PostForm.Get("refresh_token"), s.config.Password)
	}
	username, password, ok := r.BasicAuth()
	return ok && same(username, s.config.Username) && same(password, s.config.Password)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// token signs a JWT as the distribution's token authentication wants it.
func (s *tokenServer) token(scopes []string) (string, time.Duration, error) {
	lifetime := s.config.Tokens.Lifetime
	if lifetime == 0 {
		lifetime = tokenLifetime
	}
	granted := []access{}
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		if i := strings.LastIndexByte(rest, ':'); i >= 0 {
			granted = append(granted, access{Type: kind, Name: rest[:i], Actions: strings.Split(rest[i+1:], ",")})
		}
	}
	now := time.Now()
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": "EdDSA", "kid": tokenKeyID})
	if err != nil {
		return "", 0, fmt.Errorf("registry: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": tokenIssuer, "sub": s.config.Username, "aud": tokenService, "jti": rand.Text(),
		"nbf": now.Add(-time.Minute).Unix(), "iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "access": granted,
	})
	if err != nil {
		return "", 0, fmt.Errorf("registry: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	signature := ed25519.Sign(s.key, []byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), lifetime, nil
}
