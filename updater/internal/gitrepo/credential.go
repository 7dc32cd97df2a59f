// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"net/http"
	"sync"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// Renewal gives another password in place of the one that the server refused. The refused one again, or an error: there
// is none.
type Renewal func(ctx context.Context, refused string) (password string, err error)

// SetAuth puts a credential of the same identity in place of the one that is used, over HTTP: tokens change while the
// cache stays. The server's refusal (401) is answered with one more try, with the password that renew gives. It waits for
// the operation that is under way. Errors: ErrCredential where the identity is another, or the remote is no HTTP one's.
func (r *Repo) SetAuth(auth Auth, renew Renewal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	conn, ok := r.conn.(*httpConnector)
	if !ok || auth.Identity == "" || auth.identity() != r.remote.Auth.identity() {
		return r.fail("open", ErrCredential, "it is not that of the cache", nil)
	}
	r.remote.Auth = auth
	conn.auth = &githttp.BasicAuth{Username: auth.Username, Password: auth.Password}
	conn.client = githttp.NewClient(&http.Client{Transport: &renewing{
		next: boundedTripper{conn.pool}, username: auth.Username, password: auth.Password, renew: renew,
	}})
	return nil
}

// renewing tries a request that was refused once more, with another password.
type renewing struct {
	next     http.RoundTripper
	username string
	renew    Renewal

	mu       sync.Mutex
	password string // the last that was given
}

// RoundTrip implements http.RoundTripper. Requests that carry no credential (those that a redirect led elsewhere) get none.
func (t *renewing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") == "" {
		return t.next.RoundTrip(r)
	}
	t.mu.Lock()
	password := t.password
	t.mu.Unlock()
	answer, err := t.next.RoundTrip(t.with(r, password))
	if err != nil || answer.StatusCode != http.StatusUnauthorized || t.renew == nil || (r.Body != nil && r.GetBody == nil) {
		return answer, err
	}
	another, err := t.renew(r.Context(), password)
	if err != nil || another == password {
		return answer, nil //nolint:nilerr // the server's answer is what there is to tell
	}
	_ = answer.Body.Close() // it is of no interest any more
	t.mu.Lock()
	t.password = another
	t.mu.Unlock()
	again := t.with(r, another)
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.next.RoundTrip(again)
}

// with is the request with a password. A RoundTripper changes no request that it is given.
func (t *renewing) with(r *http.Request, password string) *http.Request {
	r = r.Clone(r.Context())
	r.SetBasicAuth(t.username, password)
	return r
}
