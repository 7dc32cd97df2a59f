// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering serves a registry that needs no signing in and answers each
// request for tags or manifests with handler.
func answering(t *testing.T, handler http.HandlerFunc) CanonicalName {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			handler(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return parse(t, strings.TrimPrefix(server.URL, "http://")+"/app")
}

// narrow is a client with bounds that a test can reach.
func narrow(t *testing.T) *Client {
	t.Helper()
	client := newClient(t)
	client.limits = limits{body: 4096, total: 8192, pages: 50, tags: 100, idle: 3, sessions: 2}
	return client
}

func write(w io.Writer, format string, arguments ...any) {
	// A client that has gone away is what some of these tests are about.
	_, _ = fmt.Fprintf(w, format, arguments...)
}

func TestHostileListingsEndWithAnError(t *testing.T) {
	var n atomic.Int64
	link := func(w http.ResponseWriter, target string) { w.Header().Set("Link", "<"+target+`>; rel="next"`) }
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"a link to itself", func(w http.ResponseWriter, r *http.Request) {
			link(w, r.URL.String())
			write(w, `{"tags":["a"]}`)
		}, "its pages of tags go round in a circle"},
		{"a longer circle", func(w http.ResponseWriter, _ *http.Request) {
			link(w, fmt.Sprintf("?last=%d", n.Add(1)%4))
			write(w, `{"tags":["a"]}`)
		}, "its pages of tags go round in a circle"},
		{"links without end", func(w http.ResponseWriter, _ *http.Request) {
			link(w, fmt.Sprintf("?last=%d", n.Add(1)))
			write(w, `{"tags":["a"]}`)
		}, "more than 50 pages of tags"},
		{"empty pages without end", func(w http.ResponseWriter, _ *http.Request) {
			link(w, fmt.Sprintf("?last=%d", n.Add(1)))
			write(w, `{"tags":[]}`)
		}, "3 pages in a row hold no tags"},
		{"a link to another host", func(w http.ResponseWriter, _ *http.Request) {
			link(w, "https://example.com/v2/app/tags/list?token=hunter2")
			write(w, `{"tags":["a"]}`)
		}, "page 1 links to another host"},
		{"a link to another port", func(w http.ResponseWriter, _ *http.Request) {
			link(w, "http://127.0.0.1:1/v2/app/tags/list")
			write(w, `{"tags":["a"]}`)
		}, "page 1 links to another host"},
		{"a link that is none", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "next please")
			write(w, `{"tags":["a"]}`)
		}, "the Link header of page 1 cannot be read"},
		{"a huge body", func(w http.ResponseWriter, _ *http.Request) {
			write(w, `{"tags":["%s"]}`, strings.Repeat("a", 1<<20))
		}, "page 1 is larger than 4096 bytes"},
		{"a body that is huge when unpacked", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			write(packed, `{"tags":["%s"]}`, strings.Repeat("a", 1<<20))
			_ = packed.Close()
		}, "page 1 is larger than 4096 bytes"},
		{"too many tags", func(w http.ResponseWriter, _ *http.Request) {
			write(w, `{"tags":[%s"z"]}`, strings.Repeat(`"a",`, 100))
		}, "more than 100 tags"},
		{"large pages together", func(w http.ResponseWriter, _ *http.Request) {
			link(w, fmt.Sprintf("?last=%d", n.Add(1)))
			write(w, `{"name":"%s","tags":["a"]}`, strings.Repeat("n", 3000))
		}, "its pages of tags are larger than 8192 bytes together"},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) {
			write(w, "<html>please sign in</html>")
		}, "page 1 is no list of tags in JSON"},
		{"other JSON", func(w http.ResponseWriter, _ *http.Request) {
			write(w, `{"message":"hello"}`)
		}, "page 1 is no list of tags in JSON"},
		{"truncated JSON", func(w http.ResponseWriter, _ *http.Request) {
			write(w, `{"name":"app","tags":["a","b`)
		}, "page 1 is no list of tags in JSON"},
		{"numbers for tags", func(w http.ResponseWriter, _ *http.Request) {
			write(w, `{"tags":[1,2]}`)
		}, "page 1 is no list of tags in JSON"},
		{"a redirect without end", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, fmt.Sprintf("?n=%d", n.Add(1)), http.StatusFound)
		}, "it redirects again and again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n.Store(0)
			name := answering(t, test.handler)
			listing, err := narrow(t).List(t.Context(), name, Options{})
			want := "registry " + name.Registry() + " sent an invalid answer: " + test.want
			if !errors.Is(err, ErrInvalidResponse) || err.Error() != want {
				t.Errorf("%v\nwant %s", err, want)
			}
			if listing.Tags != nil {
				t.Errorf("tags %v came with the error", listing.Tags)
			}
		})
	}
}

func TestInvalidAndDoubledTagsAreLeftOutAndCounted(t *testing.T) {
	name := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/app/tags/list?last=b>; rel="next"`)
			write(w, `{"name":"app","tags":["b","a b","../x","a"]}`)
			return
		}
		write(w, `{"name":"app","tags":["b","c","%s"]}`, strings.Repeat("x", 129))
	})
	got, err := narrow(t).List(t.Context(), name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Tags, []string{"a", "b", "c"}) || got.Duplicates != 1 || got.Invalid != 3 || got.InvalidExample != `"a b"` {
		t.Errorf("%+v", got)
	}
}

func TestAListingThatBreaksOffHasNoTags(t *testing.T) {
	name := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</v2/app/tags/list?last=a>; rel="next"`)
			write(w, `{"tags":["a"]}`)
			return
		}
		w.Header().Set("Content-Length", "1000")
		write(w, `{"tags":["b"`)
	})
	got, err := narrow(t).List(t.Context(), name, Options{})
	if !errors.Is(err, ErrUnreachable) || got.Tags != nil || !strings.HasSuffix(err.Error(), "the connection broke") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestNoTagsAtAllIsAnEmptyListing(t *testing.T) {
	for _, body := range []string{`{"name":"app","tags":null}`, `{"name":"app","tags":[]}`, `{"name":"app"}`} {
		name := answering(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "%s", body) })
		if got, err := narrow(t).List(t.Context(), name, Options{}); err != nil || len(got.Tags) != 0 {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
}

func TestStatusesBecomeSentinelsAndNothingIsRetried(t *testing.T) {
	for status, want := range map[int]error{
		401: ErrAuthentication, 403: ErrAuthentication, 404: ErrNotFound, 408: ErrInvalidResponse,
		429: ErrRateLimited, 500: ErrServer, 502: ErrServer, 503: ErrServer, 400: ErrInvalidResponse,
	} {
		var requests atomic.Int64
		name := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			write(w, `{"errors":[{"code":"X","message":"hunter2"}]}`)
		})
		_, err := narrow(t).List(t.Context(), name, Options{})
		var told *Error
		if !errors.As(err, &told) || !errors.Is(err, want) || told.Status != status {
			t.Errorf("%d: %v", status, err)
			continue
		}
		if later := told.RetryAfter == 7*time.Second; later != (status == 429 || status >= 500) {
			t.Errorf("%d: retry after %s", status, told.RetryAfter)
		}
		if strings.Contains(err.Error(), "hunter2") || requests.Load() != 1 {
			t.Errorf("%d: %d requests, %v", status, requests.Load(), err)
		}
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"30":                            30 * time.Second,
		"-1":                            0,
		"999999":                        24 * time.Hour,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"soon":                          0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s", value, got)
		}
	}
}

func TestARateLimitWhileSigningInIsTold(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	name := parse(t, strings.TrimPrefix(server.URL, "http://")+"/app")
	_, err := narrow(t).List(t.Context(), name, Options{})
	var told *Error
	if !errors.As(err, &told) || !errors.Is(told.Kind, ErrRateLimited) || told.RetryAfter != time.Minute {
		t.Errorf("%v", err)
	}
}

func TestAWebServerIsNoRegistry(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	name := parse(t, strings.TrimPrefix(server.URL, "http://")+"/app")
	_, err := narrow(t).List(t.Context(), name, Options{})
	if !errors.Is(err, ErrInvalidResponse) || !strings.Contains(err.Error(), "is it a container registry?") {
		t.Errorf("%v", err)
	}
}

func TestPlainHTTPAndInternalAddressesNeedAReason(t *testing.T) {
	for _, test := range []struct {
		registry, target string
		insecure         bool
		want             error
	}{
		{"ghcr.io", "https://ghcr.io/v2/", false, nil},
		{"ghcr.io", "http://ghcr.io/v2/", false, errPlainHTTP},
		{"ghcr.io", "http://ghcr.io/v2/", true, nil},
		{"10.0.0.1:5000", "http://10.0.0.1:5000/v2/", false, errPlainHTTP},
		{"10.0.0.1:5000", "https://10.0.0.1:5000/v2/", false, nil},
		{"registry.local", "http://registry.local/v2/", false, errPlainHTTP},
		{"127.0.0.1:5000", "http://127.0.0.1:5000/v2/", false, nil},
		{"127.0.0.1:5000", "http://localhost:6000/token", false, nil},
		{"127.0.0.1:5000", "http://ghcr.io/token", false, errPlainHTTP},
		{"ghcr.io", "https://pkg.dev/v2/", false, nil},
		{"ghcr.io", "https://169.254.169.254/", true, errForbiddenHost},
		{"ghcr.io", "https://127.0.0.1:5000/", true, errForbiddenHost},
		{"ghcr.io", "https://localhost/", true, errForbiddenHost},
		{"ghcr.io", "https://[fd00:ec2::254]/", false, errForbiddenHost},
		{"ghcr.io", "https://2130706433/", false, errForbiddenHost},
		{"ghcr.io", "https://127.1/", false, errForbiddenHost},
		{"ghcr.io", "https://0x7f000001/", false, errForbiddenHost},
	} {
		target, err := url.Parse(test.target)
		if err != nil {
			t.Fatal(err)
		}
		g := &guard{host: test.registry, plain: test.insecure, local: true}
		if err := g.allows(&http.Request{URL: target}); !errors.Is(err, test.want) {
			t.Errorf("%s to %s (insecure %t): %v", test.registry, test.target, test.insecure, err)
		}
	}
}

func TestLinkLocalAddressesAreNeverDialled(t *testing.T) {
	_, err := newClient(t).transport.DialContext(t.Context(), "tcp", "169.254.169.254:80")
	if !errors.Is(err, errForbiddenHost) {
		t.Errorf("%v", err)
	}
}

func TestTLSIsVerified(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, `{"name":"app","tags":["1"]}`)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	name := parse(t, strings.TrimPrefix(server.URL, "https://")+"/app")
	_, err := newClient(t).List(t.Context(), name, Options{})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "an authority that is not trusted here") {
		t.Errorf("%v", err)
	}
	trusting := NewClient(Config{TLS: server.Client().Transport.(*http.Transport).TLSClientConfig}) //nolint:forcetypeassert // httptest's own.
	defer trusting.Close()
	if got, err := trusting.List(t.Context(), name, Options{}); err != nil || !slices.Equal(got.Tags, []string{"1"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCredentialsDoNotFollowARedirect(t *testing.T) {
	var leaked atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(r.Header.Get("Authorization"))
		if r.URL.Query().Get("last") == "" {
			w.Header().Set("Link", `</elsewhere?last=1>; rel="next"`)
		}
		write(w, `{"tags":["%s"]}`, "x"+r.URL.Query().Get("last"))
	}))
	defer other.Close()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, _, ok := r.BasicAuth(); {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasSuffix(r.URL.Path, "/tags/list"):
			http.Redirect(w, r, other.URL+"/elsewhere", http.StatusTemporaryRedirect)
		}
	}))
	defer registry.Close()
	host := strings.TrimPrefix(registry.URL, "http://")
	got, err := newClient(t).List(t.Context(), parse(t, host+"/app"), Options{Keychain: login(t, host, "u", "hunter2")})
	if err != nil || !slices.Equal(got.Tags, []string{"x", "x1"}) || got.Pages != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if leaked.Load() != "" {
		t.Errorf("the other host got %q", leaked.Load())
	}
}

func TestATokenIsKeptAndRenewedWhenItIsOver(t *testing.T) {
	var tokens, valid atomic.Int64
	var registry *httptest.Server
	registry = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			if _, password, _ := r.BasicAuth(); password != "secret" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			valid.Store(tokens.Add(1))
			_ = json.NewEncoder(w).Encode(map[string]string{"token": fmt.Sprintf("t%d", valid.Load())})
		case r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", valid.Load()) || valid.Load() == 0:
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="s"`, registry.URL))
			w.WriteHeader(http.StatusUnauthorized)
		default:
			write(w, `{"name":"app","tags":["1"]}`)
		}
	}))
	defer registry.Close()
	host := strings.TrimPrefix(registry.URL, "http://")
	client, name := newClient(t), parse(t, host+"/app")
	options := Options{Keychain: login(t, host, "u", "secret")}
	for range 3 {
		if _, err := client.List(t.Context(), name, options); err != nil {
			t.Fatal(err)
		}
	}
	if tokens.Load() != 1 {
		t.Errorf("%d tokens for three scans", tokens.Load())
	}
	valid.Store(0)
	if _, err := client.List(t.Context(), name, options); err != nil || tokens.Load() != 2 {
		t.Errorf("after the token is over: %v, %d tokens", err, tokens.Load())
	}
	_, err := client.List(t.Context(), name, Options{Keychain: login(t, host, "u", "hunter2")})
	if !errors.Is(err, ErrAuthentication) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestHeadComputesADigestThatIsNotTold(t *testing.T) {
	name := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			write(w, "{}")
		}
	})
	got, err := narrow(t).Head(t.Context(), name, "1", Options{})
	if want := "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestWhatIsKeptIsBoundedInNumberAndTime(t *testing.T) {
	var gone []string
	now := time.Unix(0, 0)
	kept := newRecent[string](2, time.Hour, func(value string) { gone = append(gone, value) })
	kept.now = func() time.Time { return now }
	for _, key := range []string{"a", "b", "a", "c"} {
		if _, found := kept.get(key); !found {
			kept.put(key, "of "+key)
		}
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, got := kept.get(key); got != want {
			t.Errorf("%s is kept: %t", key, got)
		}
	}
	now = now.Add(40 * time.Minute)
	kept.get("a")
	now = now.Add(40 * time.Minute)
	if _, found := kept.get("c"); found {
		t.Error("c is kept although nobody asked for it in over an hour")
	}
	if value, found := kept.get("a"); !found || value != "of a" || !slices.Equal(gone, []string{"of b", "of c"}) {
		t.Errorf("a is kept: %t; gone: %v", found, gone)
	}
	kept.clear()
	if len(kept.known) != 0 || kept.order.Len() != 0 || len(gone) != 3 {
		t.Errorf("%d and %d entries, gone: %v", len(kept.known), kept.order.Len(), gone)
	}
}

func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{`{"name":"a","tags":["1","2"]}`, `{"tags":null}`, `[]`, `{"tags":[["a"]]}`, `{"x":{"tags":[1]},"tags":[]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var tags []string
		err := decodePage(strings.NewReader(body), func(tag string) error {
			tags = append(tags, tag)
			return nil
		})
		var page struct {
			Tags []string `json:"tags"`
		}
		if err == nil && json.Valid([]byte(body)) && strings.Count(body, `"tags"`) == 1 && !strings.Contains(body, "\\") {
			if json.Unmarshal([]byte(body), &page) == nil && page.Tags != nil && !slices.Equal(page.Tags, tags) {
				t.Errorf("%s: %q, want %q", body, tags, page.Tags)
			}
		}
	})
}
