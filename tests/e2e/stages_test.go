// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// stage is a moment of a run, as the Git server sees it.
type stage struct {
	name string
	// is says whether a request is the one.
	is func(*http.Request) bool
	// stop lets the request come to the moment, and waits there.
	stop func(b *barrier, next http.Handler, w http.ResponseWriter, r *http.Request)
	// arrived says that the commits are in Git at that moment; perhaps that it is for Git to take what it has got.
	arrived, perhaps bool
}

func isFetch(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/git-upload-pack") }
func isPush(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack")
}

// stages are all the moments at which the outside can stop a run, in their order. Before the first push request is sent the
// runs are recorded; with its answer their ends are.
func stages() []stage {
	return []stage{
		{name: "the fetch is asked for", is: func(r *http.Request) bool { return r.URL.Query().Get("service") == "git-upload-pack" }, stop: (*barrier).before},
		{name: "the fetch is half answered", is: isFetch, stop: (*barrier).halfAnswered},
		{name: "the push has begun", is: isPush, stop: (*barrier).before, perhaps: true},
		{name: "the push is half sent", is: isPush, stop: (*barrier).halfSent},
		{name: "Git has the commits and does not say so", is: isPush, stop: (*barrier).answered, arrived: true},
		{name: "Git has just said so", is: isPush, stop: (*barrier).after, arrived: true},
	}
}

// barrier stops one request at a stage.
type barrier struct {
	stage         stage
	used          atomic.Bool
	stopped, open chan struct{}
	over          chan struct{} // the request is
}

func newBarrier(s stage) *barrier {
	return &barrier{stage: s, stopped: make(chan struct{}), open: make(chan struct{}), over: make(chan struct{})}
}

// release lets the request go on to its end.
func (b *barrier) release(t *testing.T) {
	t.Helper()
	close(b.open)
	select {
	case <-b.over:
	case <-time.After(harness.Patience):
		t.Fatalf("the request did not end: %s", b.stage.name)
	}
}

// crossing is where barriers are put up, in front of a Git server.
type crossing struct{ barrier atomic.Pointer[barrier] }

func (c *crossing) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := c.barrier.Load()
		if b == nil || !b.stage.is(r) || !b.used.CompareAndSwap(false, true) {
			next.ServeHTTP(w, r)
			return
		}
		defer close(b.over)
		b.stage.stop(b, next, w, r)
	})
}

// reached waits until a request has come to the stage.
func (b *barrier) reached(t *testing.T) {
	t.Helper()
	select {
	case <-b.stopped:
	case <-time.After(harness.Patience):
		t.Fatalf("no run came to the stage: %s", b.stage.name)
	}
}

// wait says that the moment has come, and holds it until the test lets go, or whoever asked is gone.
func (b *barrier) wait(r *http.Request) {
	close(b.stopped)
	select {
	case <-b.open:
	case <-r.Context().Done():
	case <-time.After(harness.Patience):
	}
}

// before goes on when whoever asked is gone: a server does what it has been sent.
func (b *barrier) before(next http.Handler, w http.ResponseWriter, r *http.Request) {
	b.wait(r)
	next.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
}

func (b *barrier) halfSent(next http.Handler, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		close(b.stopped)
		return
	}
	half := r.Clone(r.Context())
	half.ContentLength = -1
	half.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), readerFunc(func([]byte) (int, error) {
		b.wait(r)
		return 0, io.ErrUnexpectedEOF // the rest never came
	})))
	next.ServeHTTP(w, half)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (b *barrier) halfAnswered(next http.Handler, w http.ResponseWriter, r *http.Request) {
	held := &heldAnswer{ResponseWriter: w}
	next.ServeHTTP(held, r)
	rest := held.body[len(held.body)/2:]
	held.body = held.body[:len(held.body)/2]
	held.send()
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	b.wait(r)
	_, _ = w.Write(rest)
}

func (b *barrier) answered(next http.Handler, w http.ResponseWriter, r *http.Request) {
	held := &heldAnswer{ResponseWriter: w}
	next.ServeHTTP(held, r)
	b.wait(r)
	held.send()
}

func (b *barrier) after(next http.Handler, w http.ResponseWriter, r *http.Request) {
	next.ServeHTTP(w, r)
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	close(b.stopped)
}
