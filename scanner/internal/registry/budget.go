// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/tidemark-io/tidemark/scanner/internal/budget"
)

const (
	// begunPatience is how long a pause may be for a listing under way to wait for its end, where nobody set a deadline: to
	// begin anew would cost all requests made so far.
	begunPatience = 24 * time.Hour
	// freshPatience is the same for one that has had no answer yet: nothing is lost by coming back, and others can use the
	// worker.
	freshPatience = 5 * time.Second
	// maxSends bounds how often one request is sent that the registry puts off.
	maxSends = 4
)

// progressKey is a context's *atomic.Bool: whether the registry has served a request of this List.
type progressKey struct{}

func withProgress(ctx context.Context) context.Context {
	return context.WithValue(ctx, progressKey{}, new(atomic.Bool))
}

func progressOf(ctx context.Context) *atomic.Bool {
	if begun, ok := ctx.Value(progressKey{}).(*atomic.Bool); ok {
		return begun
	}
	return new(atomic.Bool)
}

// budgeted sends requests when the budget of the host that they go to allows it.
type budgeted struct {
	next       http.RoundTripper
	hosts      *budget.Hosts
	credential authn.AuthConfig
	repository string
}

// withinBudget puts next under the budgets, if there are any.
func (c *Client) withinBudget(next http.RoundTripper, name CanonicalName, credential authn.AuthConfig) http.RoundTripper {
	if c.hosts == nil {
		return next
	}
	return &budgeted{next: next, hosts: c.hosts, credential: credential, repository: name.String()}
}

// RoundTrip waits for the request's turn. A request that the registry puts off is sent again after the pause, if that is
// waited for; if not, the pause is the error.
func (t *budgeted) RoundTrip(request *http.Request) (*http.Response, error) {
	for sends := 1; ; sends++ {
		release, err := t.acquire(request)
		if err != nil {
			return nil, err
		}
		answer, err := t.next.RoundTrip(request)
		if err != nil {
			release(budget.Outcome{Err: err})
			return nil, err
		}
		outcome := budget.Outcome{Status: answer.StatusCode, Header: answer.Header}
		if sends < maxSends && repeatable(request) && budget.IsLimited(outcome) {
			discard(answer)
			release(outcome)
			continue
		}
		if answer.StatusCode == http.StatusOK {
			progressOf(request.Context()).Store(true)
		}
		answer.Body = newBudgetedBody(request.Context(), answer.Body, outcome, release)
		return answer, nil
	}
}

func repeatable(request *http.Request) bool {
	return (request.Method == http.MethodGet || request.Method == http.MethodHead) &&
		(request.Body == nil || request.Body == http.NoBody)
}

func (t *budgeted) acquire(request *http.Request) (func(budget.Outcome), error) {
	ctx, host := request.Context(), budgetHost(request)
	patience := freshPatience
	if progressOf(ctx).Load() {
		patience = begunPatience
	}
	own := t.credential
	release, err := t.hosts.Acquire(ctx, budget.Request{
		Host:       host,
		Credential: t.hosts.Credential(own.Username, own.Password, own.Auth, own.IdentityToken, own.RegistryToken),
		Repository: t.repository, Patience: patience,
	})
	if err == nil {
		return release, nil
	}
	if pause, ok := errors.AsType[*budget.PauseError](err); ok {
		return nil, paused(pause)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, &Error{
			Kind: ErrRateLimited, Message: fmt.Sprintf("registry %s: no turn came in time", host), deadline: true,
		}
	}
	return nil, err
}

func paused(pause *budget.PauseError) *Error {
	e := &Error{Kind: ErrRateLimited, Message: pause.Error(), RetryAfter: max(time.Until(pause.Until), time.Millisecond)}
	if errors.Is(pause, budget.ErrDown) {
		e.Kind = ErrServer
	}
	return e
}

// budgetHost is the host as budgets know it: with the port, unless that is 443. What speaks plain HTTP at the same name is
// another server.
func budgetHost(request *http.Request) string {
	host := strings.ToLower(request.URL.Host)
	if request.URL.Port() != "" {
		return strings.TrimSuffix(host, ":443")
	}
	if request.URL.Scheme == "http" {
		return host + ":80"
	}
	return host
}

// budgetedBody gives the turn back when the answer has been read, or nobody will read on.
type budgetedBody struct {
	body    io.ReadCloser
	outcome budget.Outcome
	release func(budget.Outcome)
	stop    func() bool
}

func newBudgetedBody(
	ctx context.Context, body io.ReadCloser, outcome budget.Outcome, release func(budget.Outcome),
) *budgetedBody {
	b := &budgetedBody{body: body, outcome: outcome, release: release}
	b.stop = context.AfterFunc(ctx, func() {
		broken := outcome
		broken.Err = ctx.Err()
		release(broken)
	})
	return b
}

func (b *budgetedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			b.outcome.Err = err
		}
		b.end()
	}
	return n, err
}

func (b *budgetedBody) Close() error {
	err := b.body.Close()
	b.end()
	return err
}

func (b *budgetedBody) end() {
	b.stop()
	b.release(b.outcome)
}
