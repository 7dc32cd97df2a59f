// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
)

// guard stands between the library and the network for one registry. Each
// request passes it, those of signing in and of redirects included.
type guard struct {
	next    http.RoundTripper
	host    string // the registry's
	plain   bool   // http:// is allowed everywhere
	local   bool   // http:// is allowed to loopback addresses, which are this machine's
	maxBody int64  // bytes, after decompression
}

// RoundTrip sends a request that may be sent and bounds the answer. Statuses
// that only mean "later" become errors here, where the headers that say how much
// later are still known.
func (g *guard) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := g.allows(request); err != nil {
		return nil, err
	}
	if carriesOn(request) {
		return nil, errCarriedOn
	}
	answer, err := g.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer.Body = &boundedBody{body: answer.Body, left: g.maxBody}
	if answer.StatusCode == http.StatusProxyAuthRequired {
		discard(answer)
		return nil, &proxyError{status: answer.StatusCode}
	}
	if answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= http.StatusInternalServerError {
		failure := statusError(request.URL.Host, answer)
		discard(answer)
		return nil, failure
	}
	return answer, nil
}

// allows: https anywhere; http where the repository says insecure, and on this
// machine unless a proxy elsewhere would take it for its own; another host than the registry must not be an internal address
// written out, which only an attacker would send us to.
func (g *guard) allows(request *http.Request) error {
	host := request.URL.Host
	if request.URL.Scheme != "https" && !g.plain && (!g.local || !isLoopback(host)) {
		return errPlainHTTP
	}
	if strings.EqualFold(host, g.host) || isLoopback(g.host) {
		return nil
	}
	name := hostname(host)
	if isLoopback(host) || looksNumeric(name) {
		return errForbiddenHost
	}
	if address, err := netip.ParseAddr(name); err == nil && internal(address) {
		return errForbiddenHost
	}
	return nil
}

// carriesOn tells whether a redirect takes what was posted, which is an identity
// token for a token service, to another host.
func carriesOn(request *http.Request) bool {
	return request.Method == http.MethodPost && request.Response != nil && request.Response.Request != nil &&
		!strings.EqualFold(request.Response.Request.URL.Host, request.URL.Host)
}

// looksNumeric catches the old spellings of IPv4 addresses ("127.1",
// "0x7f000001", "2130706433") that a resolver may accept: no name of the DNS
// has a last label that begins with a digit.
func looksNumeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || last[0] < '0' || last[0] > '9' {
		return false
	}
	_, err := netip.ParseAddr(host)
	return err != nil
}

func internal(address netip.Addr) bool {
	address = address.Unmap()
	return address.IsLoopback() || address.IsPrivate() || address.IsUnspecified() ||
		address.IsLinkLocalUnicast() || address.IsMulticast()
}

// refuseLinkLocal is a net.Dialer's Control: whatever a name resolves to, the
// link-local addresses, where clouds keep their machines' credentials, are
// never asked.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	parsed, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	if parsed.Unmap().IsLinkLocalUnicast() {
		return errForbiddenHost
	}
	return nil
}

// boundedBody fails with errTooLarge when there is more than it should be.
type boundedBody struct {
	body io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	// One byte more than is left tells "just fits" from "too large".
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

func (b *boundedBody) Close() error { return b.body.Close() }

// discard reads a little of what is left, so that the connection can be used
// again, and closes.
func discard(answer *http.Response) {
	const enough = 64 << 10
	_, err := io.Copy(io.Discard, io.LimitReader(answer.Body, enough))
	// The answer is not wanted; the next request will notice a broken connection.
	_ = errors.Join(err, answer.Body.Close())
}
