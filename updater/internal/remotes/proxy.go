// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"errors"
	"net/url"
	"strings"

	"github.com/tidemark-io/tidemark/platform/secret"
)

const (
	maxAddress = 4096 // bytes of a proxy's address
	maxSocks   = 255  // bytes of a name or password, by RFC 1929
)

var (
	errProxySSH     = errors.New("is a proxy's, and a proxy is used for http and https URLs alone; take spec.proxySecretRef away, or use the https URL")
	errNoAddress    = errors.New("has no key address, which should hold a proxy's URL: http://host:port, https://… or socks5://…")
	errAddress      = errors.New("has in address what is no URL of a proxy; that is http://host:port, https://… or socks5://…")
	errSocksTooLong = errors.New("has a username or password that is longer than the 255 bytes that a socks5 proxy takes")
)

// proxy reads a proxy's secret. The errors tell nothing of its content.
func proxy(remote string, s secret.Secret) (*url.URL, error) {
	if isSSH(remote) {
		return nil, errProxySSH
	}
	address := strings.TrimSpace(string(s["address"]))
	if address == "" {
		return nil, errNoAddress
	}
	parsed, err := url.Parse(address)
	if err != nil || len(address) > maxAddress || parsed.Hostname() == "" {
		return nil, errAddress
	}
	switch parsed.Scheme {
	case "http", "https", "socks5":
	default:
		return nil, errAddress
	}
	found := &url.URL{Scheme: parsed.Scheme, Host: parsed.Host, User: parsed.User}
	if username, password := text(s, "username"), text(s, "password"); username != "" || password != "" {
		found.User = url.UserPassword(username, password)
	}
	if password, _ := found.User.Password(); found.Scheme == "socks5" && (len(found.User.Username()) > maxSocks || len(password) > maxSocks) {
		return nil, errSocksTooLong
	}
	return found, nil
}
