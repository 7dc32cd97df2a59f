// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// relay is a proxy for who says user:pass. It forwards every request and tunnel, and counts them.
type relay struct {
	address string
	asked   atomic.Int64
}

// startProxy serves a proxy's connections until the test ends.
func startProxy(t *testing.T, config *tls.Config, serve func(p *relay, conn net.Conn)) *relay {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &relay{address: listener.Addr().String()}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(p, conn)
			}()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return p
}

func join(a io.ReadWriter, b net.Conn) {
	go func() {
		_, _ = io.Copy(b, a)
		_ = b.Close()
	}()
	_, _ = io.Copy(a, b)
}

// httpProxy knows CONNECT and absolute URLs.
func httpProxy(p *relay, conn net.Conn) {
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return
	}
	if request.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("user:pass")) {
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	p.asked.Add(1)
	target, err := net.Dial("tcp", request.Host)
	if err != nil {
		return
	}
	if request.Method == http.MethodConnect {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		join(struct {
			io.Reader
			io.Writer
		}{reader, conn}, target)
		return
	}
	request.Close = true
	if err := request.Write(target); err != nil {
		return
	}
	_, _ = io.Copy(conn, target)
}

// socksProxy is RFC 1928 with RFC 1929, no more than a client needs.
func socksProxy(p *relay, conn net.Conn) {
	read := func(n int) []byte {
		buffer := make([]byte, n)
		if _, err := io.ReadFull(conn, buffer); err != nil {
			return make([]byte, n)
		}
		return buffer
	}
	read(int(read(2)[1]))
	_, _ = conn.Write([]byte{5, 2})
	user := string(read(int(read(2)[1])))
	password := string(read(int(read(1)[0])))
	if user != "user" || password != "pass" {
		_, _ = conn.Write([]byte{1, 1})
		return
	}
	_, _ = conn.Write([]byte{1, 0})
	p.asked.Add(1)
	if kind := read(4)[3]; kind != 1 {
		return
	}
	to := read(6)
	target, err := net.Dial("tcp", net.JoinHostPort(net.IP(to[:4]).String(), strconv.Itoa(int(to[4])<<8|int(to[5]))))
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	join(conn, target)
}

func TestProxiesAreUsedWithTheirNameAndPassword(t *testing.T) {
	ca := newAuthority(t)
	plain := startServer(t, gitserver.Config{})
	secure := startServer(t, gitserver.Config{TLS: ca.serve(t)})
	for name, test := range map[string]struct {
		scheme string
		tls    *tls.Config
		serve  func(*relay, net.Conn)
	}{
		"http": {"http", nil, httpProxy}, "https": {"https", ca.serve(t), httpProxy}, "socks5": {"socks5", nil, socksProxy},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, test.tls, test.serve)
			address := test.scheme + "://" + p.address
			secrets := map[string]secret.Secret{
				"ca": {"ca.crt": ca.pem}, "proxy": keys("address", address+"\n", "username", "user\n", "password", "pass\n"),
				"inline": keys("address", test.scheme+"://user:pass@"+p.address), "wrong": keys("address", address, "username", "user", "password", "swordfish"),
			}
			for _, url := range []string{plain.RepositoryURL(app1), secure.RepositoryURL(app1)} {
				for _, secret := range []string{"proxy", "inline"} {
					pool, _ := poolWith(t, secrets) // whose connections are its own
					before := p.asked.Load()
					want(t, change(t.Context(), pool, proxied(repository("x", url, "ca"), secret)), nil, "")
					if p.asked.Load() == before {
						t.Errorf("%s was reached without the proxy", url)
					}
				}
				pool, _ := poolWith(t, secrets)
				before := p.asked.Load()
				err := change(t.Context(), pool, proxied(repository("x", url, "ca"), "wrong"))
				if err == nil || p.asked.Load() != before || strings.Contains(err.Error(), "swordfish") {
					t.Errorf("a wrong password: %v", err)
				}
				want(t, change(t.Context(), pool, repository("x", url, "ca")), nil, "")
				if p.asked.Load() != before {
					t.Error("the proxy is used by a repository that names none")
				}
			}
		})
	}
}

func TestProxySecretsThatDoNotFitSayWhy(t *testing.T) {
	pool, _ := poolWith(t, map[string]secret.Secret{
		"empty": keys("username", "swordfish"), "ftp": keys("address", "ftp://swordfish:1"), "no-host": keys("address", "http://"), "word": keys("address", "swordfish"),
		"socks4": keys("address", "socks4://swordfish:1"), "long": keys("address", "http://h/"+strings.Repeat("x", 5000)),
		"long-name": keys("address", "socks5://h:1", "username", strings.Repeat("x", 256), "password", "x"), "good": keys("address", "http://127.0.0.1:1"),
		"ssh": keys("identity", "x", "known_hosts", "y"),
	})
	for name, words := range map[string]string{
		"absent":    "there is no secret 'apps/absent'; create it, or correct spec.proxySecretRef of GitRepository 'apps/x'",
		"empty":     "secret 'apps/empty' has no key address, which should hold a proxy's URL",
		"ftp":       "secret 'apps/ftp' has in address what is no URL of a proxy; that is http://host:port, https://… or socks5://…",
		"no-host":   "has in address what is no URL of a proxy",
		"word":      "has in address what is no URL of a proxy",
		"socks4":    "has in address what is no URL of a proxy",
		"long":      "has in address what is no URL of a proxy",
		"long-name": "longer than the 255 bytes",
	} {
		_, _, err := pool.Open(t.Context(), proxied(repository("x", "https://example.com/a", ""), name))
		want(t, err, ErrSecret, words)
		if strings.Contains(err.Error(), "swordfish") {
			t.Errorf("the content is in %v", err)
		}
	}
	_, _, err := pool.Open(t.Context(), proxied(repository("x", "ssh://git@example.com/a", "ssh"), "good"))
	want(t, err, ErrSecret, "secret 'apps/good' is a proxy's, and a proxy is used for http and https URLs alone")
	err = change(t.Context(), pool, proxied(repository("x", "https://example.com/a", ""), "good"))
	if !errors.Is(err, gitrepo.ErrUnreachable) {
		t.Errorf("a proxy that is not there: %v", err)
	}
}
