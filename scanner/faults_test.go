// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

// weather stands in front of a real registry. It disturbs what the scanner asks, changes the tags between the pages of a
// listing, and knows the complete listings: those whose every page was served whole and in order.
type weather struct {
	t        *testing.T
	registry *localregistry.Registry

	mu         sync.Mutex
	random     *rand.Rand
	repository string
	tags       map[string]bool
	chains     map[string][]servedPage
	complete   []string // their checksums, in the order of their last pages
	storm      int      // how many requests more are answered with a 5xx
	faults     map[string]int
}

// servedPage is a page that was served whole.
type servedPage struct {
	last string
	tags []string
}

func startWeather(t *testing.T) *weather {
	t.Helper()
	w := &weather{t: t, faults: map[string]int{}}
	var err error
	if w.registry, err = localregistry.Start(localregistry.Config{Wrap: w.wrap}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.registry.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// begin starts another history, in a repository of its own.
func (w *weather) begin(repository string, random *rand.Rand) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.repository, w.random, w.tags, w.chains, w.complete, w.storm = repository, random, map[string]bool{}, map[string][]servedPage{}, nil, 0
	for range 15 + random.IntN(20) {
		w.change(1)
	}
}

// change pushes a tag, or deletes some; at least one stays. The caller holds mu.
func (w *weather) change(deletions int) {
	if w.random.IntN(2) == 0 || len(w.tags) < 12 {
		tag := fmt.Sprintf("%d.%d.%d", w.random.IntN(3), w.random.IntN(10), w.random.IntN(10))
		w.tags[tag] = true
		if err := w.registry.Push(context.Background(), w.repository, tag); err != nil {
			w.t.Errorf("push: %v", err)
		}
		return
	}
	for _, tag := range slices.Sorted(maps.Keys(w.tags))[:min(deletions, len(w.tags)-1)] {
		delete(w.tags, tag)
		if err := w.registry.Delete(context.Background(), w.repository, tag); err != nil {
			w.t.Errorf("delete: %v", err)
		}
	}
}

func (w *weather) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		if !strings.HasPrefix(req.UserAgent(), "tidemark") { // our own pushes
			next.ServeHTTP(out, req)
			return
		}
		w.mu.Lock()
		fault := w.fault()
		listing := strings.HasSuffix(req.URL.Path, "/tags/list")
		if listing && w.random.IntN(4) == 0 {
			w.change(1 + w.random.IntN(3)*w.random.IntN(10))
		}
		w.mu.Unlock()
		if !w.answerBadly(out, req, fault) {
			w.answer(out, req, next, listing, fault)
		}
	})
}

// fault is what happens to a request; empty: nothing. The caller holds mu.
func (w *weather) fault() string {
	if w.storm > 0 {
		w.storm--
		return "storm"
	}
	faults := map[int]string{0: "reset", 1: "truncate", 2: "429", 3: "429 at once", 4: "html", 5: "silence", 6: "storm"}
	fault := faults[w.random.IntN(50)]
	switch {
	case fault == "storm":
		w.storm = w.random.IntN(4)
	case fault == "silence" && w.random.IntN(3) > 0: // costs a timeout
		fault = ""
	}
	if fault != "" {
		w.faults[fault]++
	}
	return fault
}

// answerBadly answers without the registry, if that is the fault.
func (w *weather) answerBadly(out http.ResponseWriter, req *http.Request, fault string) bool {
	switch fault {
	case "429":
		http.Error(out, `{"errors":[{"code":"TOOMANYREQUESTS"}]}`, http.StatusTooManyRequests)
	case "429 at once":
		out.Header().Set("Retry-After", "0")
		http.Error(out, "slow down", http.StatusTooManyRequests)
	case "storm":
		http.Error(out, "away", http.StatusInternalServerError+len(req.URL.RawQuery)%4)
	case "html":
		out.Header().Set("Content-Type", "text/html")
		_, _ = out.Write([]byte("<html>Please sign in</html>"))
	case "silence":
		<-req.Context().Done()
	default:
		return false
	}
	return true
}

var linkTarget = regexp.MustCompile(`<([^>]*)>`)

// answer lets the registry answer, and damages what it says if that is the fault.
func (w *weather) answer(out http.ResponseWriter, req *http.Request, next http.Handler, listing bool, fault string) {
	query := req.URL.Query()
	chain, last := query.Get("chain"), query.Get("last")
	query.Del("chain")
	req.URL.RawQuery = query.Encode()
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, req)
	body := recorded.Body.Bytes()
	link := recorded.Header().Get("Link")
	if listing && recorded.Code == http.StatusOK {
		whole := fault == ""
		chain = w.served(chain, servedPage{last: last, tags: tagsOf(body)}, whole, link == "")
		if link != "" {
			recorded.Header().Set("Link", linkTarget.ReplaceAllString(link, "<$1&chain="+chain+">"))
		}
	}
	maps.Copy(out.Header(), recorded.Header())
	if fault == "truncate" {
		body = body[:len(body)*2/3]
	}
	out.Header().Set("Content-Length", strconv.Itoa(len(body)))
	out.WriteHeader(recorded.Code)
	if fault == "reset" {
		_, _ = out.Write(body[:len(body)/2])
		reset(out)
		return
	}
	_, _ = out.Write(body)
}

// served notes a page of a listing and says which one: a first page begins one. A page that is asked for again stands in
// place of what it was before.
func (w *weather) served(chain string, page servedPage, whole, end bool) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if chain == "" {
		chain = strconv.Itoa(len(w.chains))
		w.chains[chain] = nil
	}
	pages := w.chains[chain]
	if at := slices.IndexFunc(pages, func(p servedPage) bool { return p.last == page.last }); at >= 0 {
		pages = pages[:at]
	}
	if whole {
		pages = append(pages, page)
	}
	w.chains[chain] = pages
	if whole && end {
		all := map[string]bool{}
		for _, p := range pages {
			for _, tag := range p.tags {
				all[tag] = true
			}
		}
		w.complete = append(w.complete, checksum(slices.Collect(maps.Keys(all))...))
	}
	return chain
}

func tagsOf(body []byte) []string {
	var page struct {
		Tags []string `json:"tags"`
	}
	_ = json.NewDecoder(bytes.NewReader(body)).Decode(&page)
	return page.Tags
}

// reset ends the connection as a crash does.
func reset(out http.ResponseWriter) {
	controller := http.NewResponseController(out)
	_ = controller.Flush()
	conn, _, err := controller.Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// listings are the checksums of the complete listings so far.
func (w *weather) listings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.complete)
}

// mortal is a way to the store that a process has until it dies: after so many writes nothing gets through any more, and
// the last one may have got through unheard.
type mortal struct {
	clientv3.KV
	writes atomic.Int64 // left; negative: it does not die
	heard  atomic.Bool
	dead   atomic.Bool
	died   atomic.Pointer[context.CancelFunc] // called then
}

var errDead = status.Error(codes.Unavailable, "the process is dead")

func (m *mortal) dieAfter(writes int64, heard bool, died context.CancelFunc) {
	m.heard.Store(heard)
	m.died.Store(&died)
	m.writes.Store(writes)
}

func (m *mortal) revive() {
	m.writes.Store(-1)
	m.dead.Store(false)
}

// write does a write, if the process is alive.
func (m *mortal) write(do func() error) error {
	if m.dead.Load() {
		return errDead
	}
	if left := m.writes.Load(); left >= 0 && m.writes.Add(-1) < 0 {
		m.dead.Store(true)
		if !m.heard.Load() {
			_ = do()
		}
		(*m.died.Load())()
		return errDead
	}
	return do()
}

func (m *mortal) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	if m.dead.Load() {
		return nil, errDead
	}
	return m.KV.Get(ctx, key, opts...)
}

func (m *mortal) Put(ctx context.Context, key, val string, opts ...clientv3.OpOption) (resp *clientv3.PutResponse, err error) {
	return resp, m.write(func() error { resp, err = m.KV.Put(ctx, key, val, opts...); return err })
}

func (m *mortal) Delete(ctx context.Context, key string, opts ...clientv3.OpOption) (resp *clientv3.DeleteResponse, err error) {
	return resp, m.write(func() error { resp, err = m.KV.Delete(ctx, key, opts...); return err })
}

func (m *mortal) Txn(ctx context.Context) clientv3.Txn { return &mortalTxn{Txn: m.KV.Txn(ctx), by: m} }

type mortalTxn struct {
	clientv3.Txn
	by     *mortal
	writes bool
}

func (x *mortalTxn) If(compare ...clientv3.Cmp) clientv3.Txn {
	x.Txn = x.Txn.If(compare...)
	return x
}

func (x *mortalTxn) Then(ops ...clientv3.Op) clientv3.Txn {
	x.Txn = x.Txn.Then(ops...)
	x.writes = x.writes || slices.ContainsFunc(ops, func(op clientv3.Op) bool { return !op.IsGet() })
	return x
}

func (x *mortalTxn) Else(ops ...clientv3.Op) clientv3.Txn {
	x.Txn = x.Txn.Else(ops...)
	return x
}

func (x *mortalTxn) Commit() (resp *clientv3.TxnResponse, err error) {
	if !x.writes && !x.by.dead.Load() {
		return x.Txn.Commit()
	}
	return resp, x.by.write(func() error { resp, err = x.Txn.Commit(); return err })
}
