// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What an Error may be about beside its Kind, for errors.Is.
var (
	// ErrClientCertificate: the registry refused the certificate shown to it, or
	// wants one and got none. Its Kind is ErrAuthentication.
	ErrClientCertificate = errors.New("client certificate refused")
	// ErrDistrusted: the registry's certificate is not trusted here. Its Kind is
	// ErrUnreachable.
	ErrDistrusted = errors.New("certificate not trusted")
	// ErrProxy: a proxy refused to help (its Kind is ErrAuthentication where it
	// wants other credentials) or is out of reach (ErrUnreachable).
	ErrProxy = errors.New("proxy failed")
)

// proxyError is a proxy's answer that is not a connection.
type proxyError struct{ status int }

func (e *proxyError) Error() string { return fmt.Sprintf("the proxy answered %d", e.status) }

// proxyAnswered is an http.Transport's OnProxyConnectResponse.
func proxyAnswered(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &proxyError{status: answer.StatusCode}
	}
	return nil
}

// intermediate explains what a proxy did; nil where none had a part in it.
func (a asked) intermediate(err error) *Error {
	var answered *proxyError
	var network *net.OpError
	var e *Error
	switch {
	case errors.As(err, &answered) && answered.status == http.StatusProxyAuthRequired:
		e = a.proxyRefused()
	case errors.As(err, &answered):
		e = a.unreachable(fmt.Sprintf("its proxy does not connect to it (%d %s)", answered.status, http.StatusText(answered.status)), false)
	case !errors.As(err, &network) || errors.Is(err, context.Canceled):
		return nil
	case network.Op == "socks connect" && strings.Contains(network.Err.Error(), "authentication"):
		e = a.proxyRefused()
	case network.Op == "proxyconnect" || network.Op == "socks connect":
		reason := "its proxy cannot be reached"
		if distrust(err) != "" {
			reason = "its proxy's certificate is not trusted here"
		} else if dialled := (&net.OpError{}); network.Op == "socks connect" && !errors.As(network.Err, &dialled) {
			reason = "its proxy does not connect to it"
		}
		e = a.unreachable(reason, errors.Is(err, context.DeadlineExceeded))
	default:
		return nil
	}
	e.about = ErrProxy
	return e
}

func (a asked) proxyRefused() *Error {
	return &Error{
		Kind: ErrAuthentication, Status: http.StatusProxyAuthRequired,
		Message: fmt.Sprintf("the proxy before registry %s refused the username and password for it", a.name.registry),
	}
}

// certificateRefused tells whether the registry ended a handshake because of
// our certificate, or for want of one. The library keeps the alerts' type to
// itself; their texts are its own and not the registry's.
func certificateRefused(err error) bool {
	for network := (&net.OpError{}); errors.As(err, &network); err = network.Err {
		if network.Op == "remote error" && slices.Contains(aboutCertificates(), network.Err.Error()) {
			return true
		}
	}
	return false
}

func aboutCertificates() []string {
	return []string{
		"tls: certificate required", "tls: bad certificate", "tls: unsupported certificate", "tls: revoked certificate",
		"tls: expired certificate", "tls: unknown certificate", "tls: unknown certificate authority", "tls: access denied",
		"tls: no certificate",
	}
}

func (a asked) certificateRefused() *Error {
	return &Error{
		Kind: ErrAuthentication, about: ErrClientCertificate,
		Message: fmt.Sprintf("registry %s wants a client certificate that it trusts", a.name.registry),
	}
}
