// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// hub is the part of GitHub that matters here: it gives App 17 a token for its installation 42, with which one may push.
type hub struct {
	api   *httptest.Server
	key   *rsa.PrivateKey
	asked atomic.Int32
}

const hubToken = "ghs_correct-horse"

func newHub(t *testing.T) *hub {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v3/app/installations/42/access_tokens", h.token)
	h.api = httptest.NewServer(mux)
	t.Cleanup(h.api.Close)
	return h
}

func (h *hub) token(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	if err := h.check(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"token": %q, "expires_at": %q}`, hubToken, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

// check is whether the App has signed.
func (h *hub) check(token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("no JSON web token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(&h.key.PublicKey, crypto.SHA256, sum[:], signature)
}

func (h *hub) private() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(h.key)}))
}

// way is a Git server, the URL of its repository, and the secret that opens it.
type way struct {
	server *gitserver.Server
	url    string
	secret map[string]string
	more   string // of the GitRepository's spec
}

// ways are a GitHub App, a private authority with basic authentication, and SSH. Each has a server of its own.
func ways(t *testing.T, w *harness.World, h *hub) map[string]way {
	t.Helper()
	files := map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "1.0.0", "app")}
	start := func(config gitserver.Config) *gitserver.Server {
		t.Helper()
		config.Dir = t.TempDir()
		server := harness.StartGit(t, config)
		if err := server.CreateRepository("gitops.git", "main", files); err != nil {
			t.Fatal(err)
		}
		return server
	}
	authority, err := registry.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	tls, err := authority.Server()
	if err != nil {
		t.Fatal(err)
	}
	byApp := start(gitserver.Config{Username: "x-access-token", Password: hubToken})
	byTLS := start(gitserver.Config{Username: "bot", Password: gitPassword, TLS: tls})
	bySSH := start(gitserver.Config{Username: "nobody", Password: "comes this way"})
	identity, public := sshKey(t)
	front, err := bySSH.StartSSH(t.Context(), []byte(public))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := front.Close(); err != nil {
			t.Errorf("close the SSH server: %v", err)
		}
	})
	return map[string]way{
		"app": {byApp, byApp.RepositoryURL("gitops.git"), map[string]string{
			"githubAppID": "17", "githubAppInstallationID": "42", "githubAppPrivateKey": h.private(), "githubAppBaseURL": h.api.URL + "/api/v3",
		}, "  provider: github\n"},
		"authority": {byTLS, byTLS.RepositoryURL("gitops.git"), map[string]string{"username": "bot", "password": gitPassword, "ca.crt": string(authority.PEM())}, ""},
		"ssh":       {bySSH, front.URL("gitops.git"), map[string]string{"identity": identity, "known_hosts": string(front.KnownHosts)}, ""},
	}
}

func TestEachKindOfCredentialOpensItsRemote(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w, h := suite.NewWorld(t, s.kind, harness.Options{Env: []string{soon}, Args: []string{"--log-level", "debug"}}), newHub(t)
		w.Push(t, "app", "1.0.0", "1.1.0")
		w.Apply(t, w.RepositoryManifest("app", "app", "10m"), harness.PolicyManifest("app", "app", "1.x"))
		all := ways(t, w, h)
		for name, way := range all {
			w.Apply(t, harness.SourceManifest(name, way.url)+way.more+"  secretRef: {name: "+name+"}\n", harness.UpdateManifest(name, name, "10m", ""))
			w.AwaitCondition(t, harness.Update(name), harness.NotReady("", name)) // without its secret it says which one is missing
		}
		for name, way := range all {
			for key, content := range way.secret {
				write(t, w.SecretsDir, "flux-system/"+name+"/"+key, content)
			}
		}
		for name, way := range all {
			way.await(t, name, ":1.1.0 ")
		}
		w.Push(t, "app", "1.2.0")
		scan(t, w)
		for name, way := range all {
			way.await(t, name, ":1.2.0 ")
		}
		if n := h.asked.Load(); n != 1 {
			t.Errorf("the App's token was asked for %d times; it lasts an hour", n)
		}
		for _, p := range w.Processes() {
			for _, secret := range []string{hubToken, gitPassword, "PRIVATE KEY"} {
				if strings.Contains(p.Stdout.String()+p.Stderr.String(), secret) {
					t.Errorf("%s logs %q", p.Name, secret)
				}
			}
		}
	})
}

func (y way) await(t *testing.T, name, text string) {
	t.Helper()
	harness.Await(t, text+"by "+name, func(context.Context) error {
		content, err := y.server.ReadFile("gitops.git", "main", "app.yaml")
		if err == nil && !strings.Contains(content, text) {
			err = fmt.Errorf("the file is\n%s", content)
		}
		return err
	})
}
