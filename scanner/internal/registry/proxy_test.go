// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

// tunnels counts what a proxy was asked, and keeps what it was told.
type tunnels struct {
	connected, refused atomic.Int64
	mu                 sync.Mutex
	targets            []string
}

func (p *tunnels) to(target string) {
	p.connected.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, target)
}

// pipe joins two connections until both have ended.
func pipe(a, b net.Conn) {
	var group sync.WaitGroup
	for _, ends := range [][2]net.Conn{{a, b}, {b, a}} {
		group.Go(func() {
			_, _ = io.Copy(ends[0], ends[1]) // an end is an end
			_ = ends[0].Close()
		})
	}
	group.Wait()
}

// connectProxy is an HTTP proxy that knows one user. It takes CONNECT, and
// plain requests.
func connectProxy(t *testing.T, username, password string, wrap func(http.Handler) *httptest.Server) (*tunnels, *url.URL) {
	t.Helper()
	p := &tunnels{}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
	server := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != want {
			p.refused.Add(1)
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		p.to(r.Host)
		if r.Method != http.MethodConnect {
			r.RequestURI = ""
			r.Header.Del("Proxy-Authorization")
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer func() { _ = answer.Body.Close() }()
			for name, values := range answer.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(w, answer.Body)
			return
		}
		upstream, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = upstream.Close()
			return
		}
		write(client, "HTTP/1.1 200 OK\r\n\r\n")
		pipe(client, upstream)
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return p, address
}

// socksProxy is a SOCKS5 proxy (RFC 1928, 1929) that knows one user.
func socksProxy(t *testing.T, username, password string) (*tunnels, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tunnels{}
	var group sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				if upstream := p.socks(client, username, password); upstream != nil {
					pipe(client, upstream)
				}
				_ = client.Close()
			})
		}
	})
	return p, "socks5://" + listener.Addr().String()
}

func (p *tunnels) socks(client net.Conn, username, password string) net.Conn {
	in := bufio.NewReader(client)
	take := func(n int) []byte {
		taken := make([]byte, n)
		if _, err := io.ReadFull(in, taken); err != nil {
			return make([]byte, n)
		}
		return taken
	}
	methods := string(take(int(take(2)[1])))
	if !strings.Contains(methods, "\x02") {
		p.refused.Add(1)
		write(client, "\x05\xff")
		return nil
	}
	write(client, "\x05\x02")
	user := string(take(int(take(2)[1])))
	secret := string(take(int(take(1)[0])))
	if user != username || secret != password {
		p.refused.Add(1)
		write(client, "\x01\x01")
		return nil
	}
	write(client, "\x01\x00")
	var host string
	switch header := take(4); header[3] {
	case 1:
		host = net.IP(take(4)).String()
	case 3:
		host = string(take(int(take(1)[0])))
	default:
		return nil
	}
	port := take(2)
	target := net.JoinHostPort(host, strconv.Itoa(int(port[0])<<8|int(port[1])))
	p.to(target)
	upstream, err := net.Dial("tcp", target)
	if err != nil {
		write(client, "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
		return nil
	}
	write(client, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
	return upstream
}

func quiet(handler http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	return server
}

func TestAProxyOfTheRepositorysOwnIsUsedForAll(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // stands back
	p := newPrivate(t, localregistry.Config{Username: "robot", Password: "secret", Tokens: &localregistry.Tokens{}})
	plain := startRegistry(t, localregistry.Config{})
	push(t, plain, "team/app", 3)
	connect, address := connectProxy(t, "proxy", "pass", quiet)
	socks, socksAddress := socksProxy(t, "proxy", "pass")
	for name, test := range map[string]struct {
		address string
		seen    *tunnels
	}{"HTTP": {address.String(), connect}, "SOCKS5": {socksAddress, socks}} {
		t.Run(name, func(t *testing.T) {
			proxied := func(username, password string) *Network {
				proxy, err := ParseProxy(test.address, username, password)
				if err != nil {
					t.Fatal(err)
				}
				return p.network(t, NetworkConfig{Proxy: proxy})
			}
			client := newClient(t)
			options := p.options(t, proxied("proxy", "pass"))
			if listing, err := client.List(t.Context(), p.name, options); err != nil || len(listing.Tags) != 3 {
				t.Fatalf("%v, %v", listing.Tags, err)
			}
			if n := test.seen.connected.Load(); n < 2 {
				t.Errorf("%d connections through the proxy; registry and token service are %v", n, test.seen.targets)
			}
			if listing, err := client.List(t.Context(), parse(t, plain.Host()+"/team/app"), Options{Network: options.Network}); err != nil ||
				len(listing.Tags) != 3 {
				t.Errorf("plain HTTP: %v, %v", listing.Tags, err)
			}
			before := p.hits.Load() + plain.pages.Load() + plain.others.Load()
			for name, wrong := range map[string]*Network{"wrong": proxied("proxy", "hunter2"), "no": proxied("", "")} {
				for _, image := range []CanonicalName{p.name, parse(t, plain.Host()+"/team/app")} {
					_, err := client.List(t.Context(), image, p.options(t, wrong))
					if !errors.Is(err, ErrAuthentication) || !errors.Is(err, ErrProxy) || strings.Contains(err.Error(), "hunter2") {
						t.Errorf("%s password: %v", name, err)
					}
				}
			}
			if after := p.hits.Load() + plain.pages.Load() + plain.others.Load(); after != before || test.seen.refused.Load() == 0 {
				t.Errorf("%d requests went round the proxy, which refused %d", after-before, test.seen.refused.Load())
			}
		})
	}
}

func TestAProxyThatIsAwayOrDoesNotConnectIsToldFromTheRegistry(t *testing.T) {
	_, address := connectProxy(t, "proxy", "pass", quiet)
	_, socksAddress := socksProxy(t, "proxy", "pass")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	away := closed.Addr().String()
	for _, test := range []struct{ address, image, want string }{
		{"http://" + away, "registry.example/app", "its proxy cannot be reached"},
		{"socks5://" + away, "registry.example/app", "its proxy cannot be reached"},
		{address.String(), away + "/app", "its proxy does not connect to it (502 Bad Gateway)"},
		{socksAddress, "registry.example:1/app", "its proxy does not connect to it"},
	} {
		proxy, err := ParseProxy(test.address, "proxy", "pass")
		if err != nil {
			t.Fatal(err)
		}
		network, err := NewNetwork(NetworkConfig{Proxy: proxy})
		if err != nil {
			t.Fatal(err)
		}
		_, err = newClient(t).List(t.Context(), parse(t, test.image), Options{Network: network})
		if err == nil || !errors.Is(err, ErrProxy) && !errors.Is(err, ErrServer) || !strings.HasSuffix(err.Error(), test.want) &&
			!strings.Contains(err.Error(), "502") {
			t.Errorf("%s to %s: %v", test.address, test.image, err)
		}
	}
}

func TestAddressesOfProxies(t *testing.T) {
	for address, want := range map[string]string{
		"http://proxy:3128":             "http://u:p@proxy:3128",
		" https://proxy/path?query#f\n": "https://u:p@proxy",
		"socks5://[::1]:1080":           "socks5://u:p@[::1]:1080",
		"http://other:secret@proxy":     "http://u:p@proxy",
		"proxy:3128":                    "", "": "", "ftp://proxy": "", "http://": "", "http://:80": "", "http://a b": "", "socks4://proxy": "",
		"http://" + strings.Repeat("p", maxProxy): "",
	} {
		got, err := ParseProxy(address, "u", "p")
		if want == "" && !errors.Is(err, ErrInvalidProxy) || want != "" && (err != nil || got.String() != want) {
			t.Errorf("%.40q: %v, %v, want %s", address, got, err, want)
		}
	}
	if got, err := ParseProxy("http://other:secret@proxy", "", ""); err != nil || got.String() != "http://other:secret@proxy" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseProxy("socks5://proxy", strings.Repeat("u", 256), "p"); !errors.Is(err, ErrInvalidProxy) {
		t.Errorf("a name that SOCKS cannot carry: %v", err)
	}
}

func FuzzParseProxy(f *testing.F) {
	f.Add("http://u:p@proxy:3128/x?y#z", "u", "p")
	f.Add("socks5://[::1]:1080", "", "")
	f.Fuzz(func(t *testing.T, address, username, password string) {
		proxy, err := ParseProxy(address, username, password)
		if err != nil {
			if err.Error() != ErrInvalidProxy.Error() {
				t.Errorf("the error tells more: %v", err)
			}
			return
		}
		again, err := ParseProxy(proxy.String(), "", "")
		if err != nil || again.Host != proxy.Host || again.Scheme != proxy.Scheme {
			t.Errorf("%q: read again it is %v, %v", proxy, again, err)
		}
	})
}
