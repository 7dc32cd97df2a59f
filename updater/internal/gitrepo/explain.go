// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/skeema/knownhosts"
)

// notOurRef recognizes the server's refusal to send what it advertised a moment ago, or what it would never
// send: a commit that is no reference's.
func notOurRef(err error) error {
	if err != nil && strings.Contains(err.Error(), "not our ref") {
		return errors.Join(errNotOurRef, err)
	}
	return err
}

// explain turns what the transport said into an Error. What is one already stays as it is.
func (r *Repo) explain(ctx context.Context, op string, err error) error {
	var known *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return r.fail(op, ErrUnreachable, "it took too long or was cancelled", ctx.Err())
	}
	detail, kind := classify(err)
	if errors.Is(kind, ErrAuthentication) && r.anonymous() {
		detail = "it wants one and none is set; " + detail
	}
	if errors.Is(kind, ErrUnreachable) && r.remote.Proxy != nil {
		detail = fmt.Sprintf("by way of the proxy %s (see proxySecretRef): %s", r.remote.Proxy.Host, detail)
	}
	return r.fail(op, kind, detail, err)
}

func (r *Repo) anonymous() bool {
	auth := r.remote.Auth
	return auth.Username == "" && auth.Password == "" && auth.BearerToken == "" && len(auth.PrivateKey) == 0
}

// classify sorts the errors of transports into our kinds.
func classify(err error) (detail string, kind error) {
	err = opened(err)
	var status *githttp.Err
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return "", ErrEmptyRepository
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return "", ErrRepositoryNotFound
	case errors.Is(err, transport.ErrAuthenticationRequired), strings.Contains(err.Error(), "unable to authenticate"):
		return "", ErrAuthentication
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return plain(err), ErrForbidden
	case errors.As(err, &status):
		return fmt.Sprintf("it answered with HTTP status %d", status.StatusCode()), statusKind(status.StatusCode())
	case errors.Is(err, errAnswerTooLarge), errors.Is(err, errIncrementTooLarge):
		return fmt.Sprintf("the server sends more than %d MiB", maxPack>>20), ErrTooLarge
	case errors.Is(err, errPackTooLarge):
		return plain(err), ErrTooLarge
	case errors.Is(err, errNoPack):
		return plain(err), ErrProtocol
	case errors.Is(err, errNotOurRef):
		return "the server does not hand out this commit; name the branch or tag that has it", ErrRefNotFound
	case knownhosts.IsHostKeyChanged(err), knownhosts.IsHostUnknown(err), strings.Contains(err.Error(), "knownhosts: key"):
		return "", ErrHostKey
	}
	if text, network := networkFailure(err); network {
		return text, ErrUnreachable
	}
	return plain(err), ErrProtocol
}

// statusKind sorts the HTTP statuses that go-git does not.
func statusKind(code int) error {
	switch {
	case code >= 500, code == 429, code == 408:
		return ErrServer
	case code == http.StatusProxyAuthRequired:
		return ErrUnreachable
	case code == 413:
		return ErrTooLarge
	default:
		return ErrProtocol
	}
}

// networkFailure tells whether no answer came, or only a part of it.
func networkFailure(err error) (string, bool) {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var request *url.Error
	var network net.Error
	switch {
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &hostname):
		return "its certificate is not trusted: " + plain(err) + "; put its authority into ca.crt of the secret", true
	case errors.As(err, &request):
		return plain(request.Err), true
	case errors.As(err, &network):
		return plain(err), true
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return "the connection broke off", true
	}
	return "", false
}

// plain is an error's text without go-git's wrapping words.
func plain(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(opened(err).Error(), "authorization failed: ")
}

// opened takes the cause out of go-git's UnexpectedError, which does not unwrap.
func opened(err error) error {
	for {
		var unexpected *plumbing.UnexpectedError
		if !errors.As(err, &unexpected) {
			return err
		}
		err = unexpected.Err
	}
}
