// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

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
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tidemark-io/tidemark/scanner/internal/budget"
)

// What can go wrong, for errors.Is. Every error of List and Head is one of
// these, or wraps context.Canceled.
var (
	// ErrAuthentication: the registry refused (401, 403). Asking again helps
	// only with other credentials.
	ErrAuthentication = errors.New("authentication failed")
	// ErrNotFound: there is no such repository or tag, or none that these
	// credentials may see.
	ErrNotFound = errors.New("not found")
	// ErrUnreachable: no connection, no trusted certificate, or no answer in
	// time (then errors.Is(err, context.DeadlineExceeded) too). Worth a retry.
	ErrUnreachable = errors.New("registry unreachable")
	// ErrRateLimited: 429; Error.RetryAfter says when to come back.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer: 5xx. Worth a retry, not before Error.RetryAfter.
	ErrServer = errors.New("registry failed")
	// ErrInvalidResponse: the registry broke the protocol or a bound.
	ErrInvalidResponse = errors.New("invalid response")
)

// Error is every error of List and Head but context.Canceled. Its text is a
// sentence for a person and holds neither credentials nor query strings.
type Error struct {
	// Kind is one of the sentinels.
	Kind error
	// Message is the sentence.
	Message string
	// Status is the HTTP status; zero when there was no answer.
	Status int
	// RetryAfter is how long the registry asks to be left alone; zero when it
	// did not say. At most a day.
	RetryAfter time.Duration

	deadline bool
	about    error // nil, or what beside the registry it is about
}

func (e *Error) Error() string { return e.Message }

// Is matches the Kind, what it is about, and context.DeadlineExceeded for an
// answer that did not come in time.
func (e *Error) Is(target error) bool {
	return target == e.Kind || e.about != nil && target == e.about || e.deadline && target == context.DeadlineExceeded
}

// Why a request was not sent or an answer not read; never seen outside.
var (
	errPlainHTTP     = errors.New("plain HTTP is not allowed")
	errForbiddenHost = errors.New("an internal address is not allowed here")
	errCarriedOn     = errors.New("a credential is not carried on to another host")
	errTooLarge      = errors.New("the answer is too large")
	errRedirects     = errors.New("too many redirects")
)

// statusError tells of an answer that is not 200 and not a challenge.
func statusError(host string, answer *http.Response) *Error {
	status := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	e := &Error{Status: answer.StatusCode}
	switch {
	case answer.StatusCode == http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = ErrRateLimited, retryAfter(answer.Header, time.Now())
		e.Message = fmt.Sprintf("registry %s limits the rate of requests (%s)", host, status)
	case answer.StatusCode >= http.StatusInternalServerError:
		e.Kind, e.RetryAfter = ErrServer, retryAfter(answer.Header, time.Now())
		e.Message = fmt.Sprintf("registry %s failed (%s)", host, status)
	default:
		e.Kind = ErrInvalidResponse
		e.Message = fmt.Sprintf("registry %s refused the request (%s)", host, status)
	}
	if e.RetryAfter > 0 {
		e.Message += fmt.Sprintf("; it asks to wait %s", e.RetryAfter)
	}
	return e
}

// retryAfter is how long the answer asks to wait; zero: it does not say.
func retryAfter(header http.Header, now time.Time) time.Duration {
	wait, _ := budget.RetryAfter(header, now)
	return wait
}

// asked is what a request was about, for sentences.
type asked struct {
	name      CanonicalName
	tag       string // empty: the repository
	anonymous bool
}

func (a asked) String() string {
	if a.tag == "" {
		return a.name.String()
	}
	return a.name.String() + ":" + a.tag
}

func (a asked) invalid(format string, arguments ...any) *Error {
	return &Error{
		Kind:    ErrInvalidResponse,
		Message: fmt.Sprintf("registry %s sent an invalid answer: ", a.name.registry) + fmt.Sprintf(format, arguments...),
	}
}

// refused turns the status of the repository's own answer into an error.
func (a asked) refused(answer *http.Response) *Error {
	e := statusError(a.name.registry, answer)
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return a.unauthenticated(answer.StatusCode)
	case http.StatusNotFound:
		e.Kind = ErrNotFound
		e.Message = fmt.Sprintf("repository %s does not exist or is private", a)
		if a.tag != "" {
			e.Message = fmt.Sprintf("tag %s does not exist", a)
		}
	}
	return e
}

func (a asked) unauthenticated(status int) *Error {
	e := &Error{Kind: ErrAuthentication, Status: status}
	if a.anonymous {
		e.Message = fmt.Sprintf("registry %s wants credentials for %s: it is private or does not exist",
			a.name.registry, a)
	} else {
		e.Message = fmt.Sprintf("registry %s refused the credentials for %s (%d %s)",
			a.name.registry, a, status, http.StatusText(status))
	}
	return e
}

// failed explains an error of signing in or of a request: from our own guard,
// from the library, or from the network.
func (a asked) failed(err error) error {
	var own *Error
	var refused *transport.Error
	distrusted := distrust(err)
	if !errors.As(err, &own) {
		if between := a.intermediate(err); between != nil {
			return between
		}
	}
	switch {
	case own != nil:
		return own
	case certificateRefused(err):
		return a.certificateRefused()
	case distrusted != "":
		// Before the statuses: where plain HTTP may be tried too, a TLS server
		// answers that with one.
		e := a.unreachable(distrusted, false)
		e.about = ErrDistrusted
		return e
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("asking registry %s for %s: %w", a.name.registry, a, context.Canceled)
	case errors.As(err, &refused):
		return a.signInRefused(refused.StatusCode)
	case errors.Is(err, errTooLarge):
		return a.invalid("it is too large")
	case errors.Is(err, errForbiddenHost):
		return a.invalid("it points to an internal address")
	case errors.Is(err, errCarriedOn):
		return a.invalid("it sends credentials on to another host")
	case errors.Is(err, errRedirects):
		return a.invalid("it redirects again and again")
	}
	if reason, deadline := disconnected(err); reason != "" {
		return a.unreachable(reason, deadline)
	}
	// What is left is the library not understanding the challenge or the token.
	return a.invalid("its way to sign in is not understood")
}

// signInRefused is for answers at /v2/ and of the token service.
func (a asked) signInRefused(status int) *Error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return a.unauthenticated(status)
	default:
		e := a.invalid("%d %s when signing in; is it a container registry?", status, http.StatusText(status))
		e.Status = status
		return e
	}
}

func (a asked) unreachable(reason string, deadline bool) *Error {
	return &Error{
		Kind:     ErrUnreachable,
		Message:  fmt.Sprintf("registry %s cannot be reached: %s", a.name.registry, reason),
		deadline: deadline,
	}
}

// distrust says what is wrong with the registry's certificate; empty when
// nothing is.
func distrust(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by an authority that is not trusted here"
	case errors.As(err, &name):
		return "its certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate is not valid at this time"
	case errors.As(err, &verification):
		return "its certificate cannot be verified"
	}
	return ""
}

// disconnected says in words why there was no answer; empty when err is no
// error of the network.
func disconnected(err error) (reason string, deadline bool) {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "its name is unknown to the DNS", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", false
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time", true
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time", false
	}
	return broken(err), false
}

func broken(err error) string {
	var alert tls.AlertError
	var network *net.OpError
	var request *url.Error
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke"
	case errors.As(err, &alert):
		return "TLS failed: " + alert.Error()
	case errors.As(err, &network) && network.Op == "dial":
		return "no connection"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks plain HTTP, which is used only where the repository says insecure"
	case errors.Is(err, errPlainHTTP):
		return "it leads to plain HTTP, which is used only where the repository says insecure"
	case errors.As(err, &network), errors.As(err, &request):
		return "the connection failed"
	}
	return ""
}
