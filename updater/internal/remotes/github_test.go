// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// hub is GitHub: the API that gives tokens to App 17's installation 42, and in front of a Git server who asks for them.
type hub struct {
	api     *httptest.Server
	key     *rsa.PrivateKey
	private []byte // PKCS #1
	pkcs8   []byte
	prefix  string // of the API

	mu     sync.Mutex
	lasts  time.Duration // of new tokens
	given  int
	valid  map[string]bool
	faults []string // why claims were refused
}

// appKey is made once: that takes a while.
var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newHub(t *testing.T, serve func(http.Handler) *httptest.Server) *hub {
	t.Helper()
	key, err := appKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{
		key: key, lasts: time.Hour, valid: map[string]bool{},
		private: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pkcs8:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}
	h.api = serve(http.HandlerFunc(h.serve))
	t.Cleanup(h.api.Close)
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, fault := range h.faults {
			t.Error(fault)
		}
	})
	return h
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	path, below := strings.CutPrefix(r.URL.Path, h.prefix)
	switch {
	case !below:
		http.NotFound(w, r)
	case r.Method == http.MethodPost && path == "/app/installations/42/access_tokens":
		if err := h.check(r); err != nil {
			h.faults = append(h.faults, err.Error())
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.given++
		token := fmt.Sprintf("ghs_%d", h.given)
		h.valid[token] = true
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_at": time.Now().Add(h.lasts).UTC().Format(time.RFC3339)})
	case r.Method == http.MethodGet && path == "/users/somebody/installation":
		_, _ = fmt.Fprint(w, `{"id": 42}`)
	default:
		http.NotFound(w, r)
	}
}

// check is what GitHub demands of a claim.
func (h *hub) check(r *http.Request) error {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return errors.New("no JSON web token")
	}
	decode := func(i int) []byte {
		content, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return []byte(err.Error())
		}
		return content
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(h.key.Public().(*rsa.PublicKey), crypto.SHA256, sum[:], decode(2)); err != nil {
		return fmt.Errorf("the signature: %w", err)
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iat, Exp int64
		Iss      string
	}
	if err := errors.Join(json.Unmarshal(decode(0), &head), json.Unmarshal(decode(1), &claims)); err != nil {
		return err
	}
	now := time.Now().Unix()
	if head.Alg != "RS256" || head.Typ != "JWT" || claims.Iss != "17" || claims.Iat > now-30 || claims.Exp <= now || claims.Exp-claims.Iat > 600 {
		return fmt.Errorf("the claims %+v %+v at %d", head, claims, now)
	}
	return nil
}

// guard lets through who has a valid token.
func (h *hub) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		h.mu.Lock()
		good := user == "x-access-token" && h.valid[password]
		h.mu.Unlock()
		if !good {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// revoke ends all tokens.
func (h *hub) revoke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.valid = map[string]bool{}
}

func (h *hub) tokens() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.given
}

func (h *hub) secret() secret.Secret {
	return keys("githubAppID", "17\n", "githubAppInstallationID", "42\n", "githubAppPrivateKey", string(h.private), "githubAppBaseURL", h.api.URL+h.prefix)
}

func fromGitHub(url, secretName string) *updaterv1.GitRepository {
	r := repository("x", url, secretName)
	r.Spec.Provider = updaterv1.GitProvider_GIT_PROVIDER_GITHUB
	return r
}

func TestAGitHubAppPushesWithATokenThatIsAskedForOnce(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	server := startServer(t, gitserver.Config{Wrap: h.guard})
	other := h.secret()
	other["githubAppPrivateKey"] = h.pkcs8
	pool, _ := poolWith(t, map[string]secret.Secret{"app": h.secret(), "pkcs8": other})
	for range 3 {
		want(t, change(t.Context(), pool, fromGitHub(server.RepositoryURL(app1), "app")), nil, "")
	}
	if h.tokens() != 1 {
		t.Errorf("%d tokens were asked for", h.tokens())
	}
	want(t, change(t.Context(), pool, fromGitHub(server.RepositoryURL(app1), "pkcs8")), nil, "")
}

func TestARevokedTokenIsReplacedInTheMiddleOfARunAndTheCacheStays(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	server := startServer(t, gitserver.Config{Wrap: h.guard})
	pool, _ := poolWith(t, map[string]secret.Secret{"app": h.secret()})
	r := fromGitHub(server.RepositoryURL(app1), "app")
	repo, release, err := pool.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	want(t, changeWith(t.Context(), repo), nil, "")
	h.revoke()
	if err := changeWith(t.Context(), repo); !errors.Is(err, gitrepo.ErrAuthentication) || h.tokens() != 1 {
		t.Errorf("a token that was given a moment ago was asked for again (%d): %v", h.tokens(), err)
	}
	for _, kept := range pool.tokens.kept {
		kept.given = time.Now().Add(-time.Hour)
	}
	want(t, changeWith(t.Context(), repo), nil, "")
	again, release, err := pool.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	want(t, changeWith(t.Context(), again), nil, "")
	caches, err := os.ReadDir(pool.dir)
	if err != nil || len(caches) != 1 || again != repo || h.tokens() != 2 {
		t.Errorf("%d caches, %d tokens, %v", len(caches), h.tokens(), err)
	}
}

func TestATokenThatEndsSoonIsNotUsed(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	server := startServer(t, gitserver.Config{Wrap: h.guard})
	pool, _ := poolWith(t, map[string]secret.Secret{"app": h.secret()})
	r := fromGitHub(server.RepositoryURL(app1), "app")
	h.lasts = 4 * time.Minute
	for i := range 3 {
		want(t, change(t.Context(), pool, r), nil, "")
		h.revoke()
		if h.tokens() != i+1 {
			t.Errorf("%d tokens", h.tokens())
		}
	}
	if caches, err := os.ReadDir(pool.dir); err != nil || len(caches) != 1 {
		t.Errorf("%d caches, %v", len(caches), err)
	}
}

func TestManyAtOnceAskForOneToken(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	server := startServer(t, gitserver.Config{Wrap: h.guard})
	pool, _ := poolWith(t, map[string]secret.Secret{"app": h.secret()})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			repo, release, err := pool.Open(t.Context(), fromGitHub(server.RepositoryURL(app1), "app"))
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			if _, err := repo.Fetch(t.Context(), gitrepo.Ref{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if h.tokens() != 1 {
		t.Errorf("%d tokens", h.tokens())
	}
}

func TestTheTokenIsAskedForWithTheAuthorityAndTheProxyOfTheRepository(t *testing.T) {
	ca := newAuthority(t)
	h := newHub(t, func(handler http.Handler) *httptest.Server {
		server := httptest.NewUnstartedServer(handler)
		server.TLS = ca.serve(t)
		server.StartTLS()
		return server
	})
	server := startServer(t, gitserver.Config{TLS: ca.serve(t), Wrap: h.guard})
	p := startProxy(t, nil, httpProxy)
	app := h.secret()
	pool, memory := poolWith(t, map[string]secret.Secret{"app": app, "proxy": keys("address", "http://user:pass@"+p.address)})
	r := proxied(fromGitHub(server.RepositoryURL(app1), "app"), "proxy")
	want(t, change(t.Context(), pool, r), gitrepo.ErrUnreachable, "certificate")
	app["ca.crt"] = ca.pem
	if err := memory.Set("apps", "app", app); err != nil {
		t.Fatal(err)
	}
	before := p.asked.Load()
	want(t, change(t.Context(), pool, r), nil, "")
	if p.asked.Load() < before+2 {
		t.Error("not all went through the proxy")
	}
}

func TestTheInstallationIsFoundByItsOwnerAndTheAPIBelowTheServersRoot(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	h.prefix = "/api/v3"
	server := startServer(t, gitserver.Config{Wrap: h.guard})
	byOwner := h.secret()
	delete(byOwner, "githubAppInstallationID")
	byOwner["githubAppInstallationOwner"] = []byte("somebody")
	below := h.secret()
	below["githubAppBaseURL"] = []byte(h.api.URL + "/")
	both := byOwnerBelow(byOwner, h.api.URL)
	pool, _ := poolWith(t, map[string]secret.Secret{"owner": byOwner, "below": below, "both": both})
	for _, name := range []string{"owner", "below", "both"} {
		want(t, change(t.Context(), pool, fromGitHub(server.RepositoryURL(app1), name)), nil, "")
	}
}

func byOwnerBelow(s secret.Secret, base string) secret.Secret {
	both := secret.Secret{}
	for key, value := range s {
		both[key] = value
	}
	both["githubAppBaseURL"] = []byte(base)
	return both
}

func TestWhatGitHubRefusesSaysWhatToDo(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		words  string
	}{
		"wrong key": {status(401, `{"message": "A JSON web token could not be decoded"}`), ErrSecret,
			`it answered 401 ("A JSON web token could not be decoded"); check that githubAppID and githubAppPrivateKey of secret 'apps/app' belong together`},
		"not installed": {status(404, `{"message": "Not Found"}`), ErrSecret, "there is no installation 42 of App 17: check githubAppInstallationID of secret 'apps/app', and that the App is still installed"},
		"suspended":     {status(403, `{"message": "This installation has been suspended"}`), ErrSecret, `("This installation has been suspended"); see whether the installation is suspended`},
		"limited": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.WriteHeader(http.StatusForbidden)
		}, gitrepo.ErrServer, "it is tried again"},
		"too many":      {status(429, ""), gitrepo.ErrServer, "it is tried again"},
		"down":          {status(503, "<html>"), gitrepo.ErrServer, "it answered 503; it is tried again"},
		"unprocessable": {status(422, ""), ErrSecret, "it answered 422; check githubAppID"},
		"elsewhere":     {http.RedirectHandler(h.api.URL, http.StatusFound).ServeHTTP, gitrepo.ErrProtocol, "a redirect, which is not followed"},
		"a login page":  {status(200, "<html>"), gitrepo.ErrProtocol, "its answer is no JSON; check githubAppBaseURL of secret 'apps/app'"},
		"no token":      {status(201, `{"token": ""}`), gitrepo.ErrProtocol, "its answer has no token"},
		"a bad token":   {status(201, `{"token": "a\r\nb"}`), gitrepo.ErrProtocol, "its answer has no token"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 3 << 10 {
				_, _ = w.Write(make([]byte, 1<<10))
			}
		}, gitrepo.ErrProtocol, "larger than 1 MiB"},
		"an echo": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(w).Encode(map[string]string{"message": "what is " + r.Header.Get("Authorization")})
		}, ErrSecret, "it answered 401; check"},
	} {
		t.Run(name, func(t *testing.T) {
			api := httptest.NewServer(test.answer)
			t.Cleanup(api.Close)
			s := h.secret()
			s["githubAppBaseURL"] = []byte(api.URL + "/api")
			pool, _ := poolWith(t, map[string]secret.Secret{"app": s})
			_, _, err := pool.Open(t.Context(), fromGitHub("https://git.example.com/a/b", "app"))
			want(t, err, test.kind, test.words)
			if len(err.Error()) > 800 || strings.Contains(err.Error(), "eyJ") {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
	gone := h.secret()
	gone["githubAppBaseURL"] = []byte("http://127.0.0.1:1")
	pool, _ := poolWith(t, map[string]secret.Secret{"app": gone})
	_, _, err := pool.Open(t.Context(), fromGitHub("https://git.example.com/a/b", "app"))
	want(t, err, gitrepo.ErrUnreachable, "it is tried again")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = pool.Open(ended, fromGitHub("https://git.example.com/a/b", "app"))
	want(t, err, context.Canceled, "")
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = fmt.Fprint(w, body)
	}
}

func TestAppSecretsThatDoNotFitSayWhy(t *testing.T) {
	h := newHub(t, httptest.NewServer)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	with := func(key, value string) secret.Secret {
		s := h.secret()
		s[key] = []byte(value)
		return s
	}
	const https = "https://github.com/a/b"
	for name, test := range map[string]struct {
		secret secret.Secret
		url    string
		words  string
	}{
		"no id":           {with("githubAppID", ""), https, "secret 'apps/app' has no githubAppID, which the provider github needs"},
		"no key":          {with("githubAppPrivateKey", ""), https, "has no githubAppPrivateKey, which"},
		"no installation": {with("githubAppInstallationID", ""), https, "has no githubAppInstallationID, which"},
		"a strange id":    {with("githubAppID", "1/2"), https, "has in githubAppID what is no App's number"},
		"a path":          {with("githubAppInstallationID", "../../user"), https, "has in githubAppInstallationID what is no installation's number"},
		"no PEM":          {with("githubAppPrivateKey", "swordfish"), https, "has in githubAppPrivateKey no key in PEM form"},
		"another key":     {with("githubAppPrivateKey", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), https, "has in githubAppPrivateKey no RSA private key"},
		"a strange base":  {with("githubAppBaseURL", "ftp://swordfish"), https, "has in githubAppBaseURL what is no http or https URL"},
		"ssh":             {h.secret(), "ssh://git@github.com/a/b", "whose tokens are for https URLs alone"},
		"a token":         {keys("username", "u", "password", "swordfish"), https, "has no githubAppID"},
		"no authority":    {with("ca.crt", "swordfish"), https, "has in ca.crt no PEM certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			pool, _ := poolWith(t, map[string]secret.Secret{"app": test.secret})
			_, _, err := pool.Open(t.Context(), fromGitHub(test.url, "app"))
			want(t, err, ErrSecret, test.words)
			if strings.Contains(err.Error(), "swordfish") {
				t.Errorf("the content is in %v", err)
			}
		})
	}
	pool, _ := poolWith(t, map[string]secret.Secret{"app": h.secret()})
	_, _, err = pool.Open(t.Context(), fromGitHub(https, ""))
	want(t, err, ErrSecret, "GitRepository 'apps/x' has the provider github and no spec.secretRef")
	_, _, err = pool.Open(t.Context(), repository("x", https, "app"))
	want(t, err, ErrSecret, "secret 'apps/app' has the keys of a GitHub App; set spec.provider to github")
	azure := repository("x", https, "app")
	azure.Spec.Provider = updaterv1.GitProvider_GIT_PROVIDER_AZURE
	_, _, err = pool.Open(t.Context(), azure)
	want(t, err, ErrSecret, "put a token into spec.secretRef")
	if h.tokens() != 0 {
		t.Error("a token was asked for")
	}
}

func TestTheAPIIsWhereTheServerHasIt(t *testing.T) {
	for _, test := range []struct{ remote, given, want string }{
		{"https://github.com/a/b", "", "https://api.github.com"},
		{"https://GitHub.com/a/b", "https://github.com", "https://api.github.com"},
		{"https://github.com/a/b", "https://api.github.com/", "https://api.github.com"},
		{"https://git.example.com/a/b", "", "https://git.example.com/api/v3"},
		{"https://git.example.com:8443/a/b", "https://git.example.com:8443/api/v3/", "https://git.example.com:8443/api/v3"},
		{"https://acme.ghe.com/a/b", "", "https://api.acme.ghe.com"},
		{"https://github.com/a/b", "https://git.example.com", "https://git.example.com"},
	} {
		var a app
		if err := a.setBase(test.remote, test.given); err != nil || a.base != test.want {
			t.Errorf("%s, %s: %s, %v", test.remote, test.given, a.base, err)
		}
	}
}

func TestRemotesThatDifferInTheirWayAloneHaveTwoCaches(t *testing.T) {
	ca := newAuthority(t)
	pool, _ := poolWith(t, map[string]secret.Secret{"ca": {"ca.crt": ca.pem}, "proxy": keys("address", "http://127.0.0.1:1")})
	seen := map[*gitrepo.Repo]bool{}
	for _, r := range []*updaterv1.GitRepository{
		repository("a", "https://example.com/a", ""), proxied(repository("b", "https://example.com/a", ""), "proxy"),
		repository("c", "https://example.com/a", "ca"), proxied(repository("d", "https://example.com/a", "ca"), "proxy"),
	} {
		repo, release, err := pool.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		seen[repo] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d caches", len(seen))
	}
	if folders, err := filepath.Glob(filepath.Join(pool.dir, apart+"*")); err != nil || len(folders) != 3 {
		t.Errorf("%v, %v", folders, err)
	}
	if err := pool.Prune(); err != nil {
		t.Error(err)
	}
}
