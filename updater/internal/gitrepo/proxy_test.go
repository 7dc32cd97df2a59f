// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

const proxyUser, proxyPassword = "through", "pr0xy-s3cret!/ü"

// joined copies both ways until either side ends.
func joined(a, b net.Conn) {
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_, _ = pair[0].Close(), pair[1].Close()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}

// httpProxy is a proxy for http and, by CONNECT, for https; both for one user.
type httpProxy struct{ used atomic.Int64 }

func (p *httpProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	if name, password, ok := user.BasicAuth(); !ok || name != proxyUser || password != proxyPassword {
		http.Error(w, "who are you, "+password, http.StatusProxyAuthRequired)
		return
	}
	p.used.Add(1)
	if r.Method != http.MethodConnect {
		(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(w, r)
		return
	}
	target, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	client, early, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil || early.Reader.Buffered() > 0 {
		panic(fmt.Sprint("the client does not wait: ", err))
	}
	joined(client, target)
}

// socksProxy serves SOCKS5 (RFC 1928) with a user and password (RFC 1929) and returns its address.
func socksProxy(t *testing.T, used *atomic.Int64) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if target, err := socksHandshake(conn); err == nil {
					used.Add(1)
					joined(conn, target)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func socksHandshake(conn net.Conn) (net.Conn, error) {
	read := func(n byte) string {
		part := make([]byte, n)
		_, err := io.ReadFull(conn, part)
		if err != nil {
			return ""
		}
		return string(part)
	}
	one := func() byte { return (read(1) + "\x00")[0] }
	read(1)
	read(one()) // the methods that are offered
	if _, err := conn.Write([]byte{5, 2}); err != nil {
		return nil, err
	}
	read(1)
	if name, password := read(one()), read(one()); name != proxyUser || password != proxyPassword {
		_, _ = conn.Write([]byte{1, 1})
		return nil, errors.New("unknown user")
	}
	if _, err := conn.Write([]byte{1, 0}); err != nil {
		return nil, err
	}
	head := read(4)
	var host string
	switch {
	case len(head) < 4:
		return nil, io.ErrUnexpectedEOF
	case head[3] == 1:
		host = net.IP(read(4)).String()
	default:
		host = read(one())
	}
	port := binary.BigEndian.Uint16([]byte(read(2)))
	target, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.ParseIP(host), Port: int(port)})
	if err != nil {
		return nil, err
	}
	_, err = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return target, err
}

func TestProxies(t *testing.T) {
	cert, key := certificate(t, "server")
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{must(tls.X509KeyPair(cert, key))}}
	plainServer := startServer(t, gitserver.Config{}, map[string]string{"a": "1"})
	secure := startServer(t, gitserver.Config{TLS: config}, map[string]string{"a": "1"})
	var used httpProxy
	var socksUsed atomic.Int64
	front := httptest.NewServer(&used)
	t.Cleanup(front.Close)
	secureFront := httptest.NewUnstartedServer(&used)
	secureFront.TLS = config.Clone()
	secureFront.StartTLS()
	t.Cleanup(secureFront.Close)
	socks := socksProxy(t, &socksUsed)
	for name, c := range map[string]struct {
		server *gitserver.Server
		proxy  url.URL
		uses   *atomic.Int64
	}{
		"http through http":    {plainServer, url.URL{Scheme: "http", Host: front.Listener.Addr().String()}, &used.used},
		"https through http":   {secure, url.URL{Scheme: "http", Host: front.Listener.Addr().String()}, &used.used},
		"http through https":   {plainServer, url.URL{Scheme: "https", Host: secureFront.Listener.Addr().String()}, &used.used},
		"https through https":  {secure, url.URL{Scheme: "https", Host: secureFront.Listener.Addr().String()}, &used.used},
		"http through socks5":  {plainServer, url.URL{Scheme: "socks5", Host: socks}, &socksUsed},
		"https through socks5": {secure, url.URL{Scheme: "socks5h", Host: socks}, &socksUsed},
	} {
		t.Run(name, func(t *testing.T) {
			remote := Remote{URL: c.server.RepositoryURL(app), CA: cert, Proxy: &c.proxy}
			c.proxy.User = url.UserPassword(proxyUser, proxyPassword)
			before := c.uses.Load()
			r := open(t, t.TempDir(), remote)
			tip := fetch(t, r, Ref{})
			push(t, r, tip.Hash, commit(t, r, tip.Hash, "a", name).Hash)
			if c.uses.Load() == before {
				t.Fatal("the proxy was gone around")
			}
			wrong := c.proxy
			wrong.User = url.UserPassword(proxyUser, "wr0ng-s3cret")
			remote.Proxy = &wrong
			_, err := open(t, t.TempDir(), remote).Fetch(t.Context(), Ref{})
			wantKind(t, err, ErrUnreachable, "proxySecretRef", c.proxy.Host)
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), proxyUser+":") {
				t.Errorf("a password in %q", err)
			}
			wrong.Host = "127.0.0.1:1"
			_, err = open(t, t.TempDir(), remote).Fetch(t.Context(), Ref{})
			wantKind(t, err, ErrUnreachable, "proxySecretRef", "127.0.0.1:1", "refused")
		})
	}
}

func TestProxiesThatCannotBeUsedAreRefused(t *testing.T) {
	private, authorized := sshKey(t, ed25519Key(), "")
	good := &url.URL{Scheme: "http", Host: "127.0.0.1:1", User: url.UserPassword("u", "s3cret")}
	for name, c := range map[string]struct {
		remote Remote
		word   string
	}{
		"over ssh":          {Remote{URL: "ssh://git@host/a", Proxy: good, Auth: Auth{PrivateKey: private, KnownHosts: append([]byte("* "), authorized...)}}, "not to ssh"},
		"over ssh, as scp":  {Remote{URL: "git@host:a", Proxy: good}, "not to ssh"},
		"no host":           {Remote{URL: "https://host/a", Proxy: &url.URL{Scheme: "http"}}, "no host"},
		"no scheme":         {Remote{URL: "https://host/a", Proxy: &url.URL{Host: "proxy:1"}}, "scheme"},
		"another scheme":    {Remote{URL: "https://host/a", Proxy: &url.URL{Scheme: "socks4", Host: "proxy:1"}}, "scheme"},
		"a file as a proxy": {Remote{URL: "https://host/a", Proxy: &url.URL{Scheme: "file", Host: "h", Path: "/etc"}}, "scheme"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.TempDir(), c.remote)
			wantKind(t, err, ErrProxy, c.word)
			if strings.Contains(err.Error(), "s3cret") {
				t.Error(err)
			}
		})
	}
}
