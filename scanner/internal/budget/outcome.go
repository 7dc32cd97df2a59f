// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Outcome is what came of a request.
type Outcome struct {
	// Status is the HTTP status; zero: there was no answer.
	Status int
	// Header is the answer's; nil where there was none.
	Header http.Header
	// Err is why there was no answer, or no complete one.
	Err error
}

// verdict is what an outcome says about the host.
type verdict string

const (
	// answered: the host is well, whatever it said.
	answered verdict = "answered"
	// limited: it asks for a pause.
	limited verdict = "limited"
	// failed: it is away or broken.
	failed verdict = "failed"
	// unknown: the request was given up, or what failed lies with the repository's own settings (a proxy, an authority):
	// others may be served well.
	unknown verdict = "unknown"
)

func (o Outcome) verdict(now time.Time) verdict {
	wait, _ := RetryAfter(o.Header, now)
	switch {
	case o.Err != nil && !blames(o.Err):
		return unknown
	case o.Err != nil:
		return failed
	case o.Status == http.StatusTooManyRequests, o.Status == http.StatusServiceUnavailable && wait > 0:
		return limited
	case o.Status >= http.StatusInternalServerError:
		return failed
	case o.Status == 0:
		return unknown
	default:
		return answered
	}
}

// blames says whether an error is the host's.
func blames(err error) bool {
	var network *net.OpError
	var untrusted *tls.CertificateVerificationError
	var alert tls.AlertError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, http.ErrSchemeMismatch),
		errors.As(err, &untrusted), errors.As(err, &alert), errors.As(err, &noTLS):
		return false
	case errors.As(err, &network):
		return network.Op != "proxyconnect" && network.Op != "socks connect"
	}
	return true
}

// reason is what happened in a few words, without anything that was received.
func (o Outcome) reason() string {
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	var network *net.OpError
	switch {
	case o.Err == nil:
		return fmt.Sprintf("%d %s", o.Status, http.StatusText(o.Status))
	case errors.As(o.Err, &dns) && dns.IsNotFound:
		return "its name is unknown to the DNS"
	case errors.Is(o.Err, context.DeadlineExceeded), errors.As(o.Err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(o.Err, &network) && network.Op == "dial":
		return "no connection"
	case errors.Is(o.Err, io.EOF), errors.Is(o.Err, io.ErrUnexpectedEOF), errors.As(o.Err, &network):
		return "the connection broke"
	}
	return "the connection failed"
}
