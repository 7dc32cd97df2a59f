// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// synthetic answers tags/list as a registry does, of tags that it makes up as it is asked: a real registry would need a
// file for each.
type synthetic struct {
	size
	// more is how many tags each repository has beyond the size.
	more   atomic.Int64
	server *httptest.Server
}

func startSynthetic(tb testing.TB, s size) *synthetic {
	tb.Helper()
	registry := &synthetic{size: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /v2/{repository}/tags/list", registry.list)
	registry.server = httptest.NewServer(mux)
	tb.Cleanup(registry.server.Close)
	return registry
}

func (s *synthetic) image(i int) string {
	return strings.TrimPrefix(s.server.URL, "http://") + "/" + repositoryName(i)
}

// list answers a page: the tags from number `from` on. The order is the tags' age, as some registries have it.
func (s *synthetic) list(w http.ResponseWriter, req *http.Request) {
	_, number, _ := strings.Cut(req.PathValue("repository"), "-")
	repository, err := strconv.Atoi(number)
	size, from := queryNumber(req, "n", 1000), queryNumber(req, "from", 0)
	if err != nil || size < 1 || from < 0 {
		http.Error(w, "no such page", http.StatusNotFound)
		return
	}
	all := s.tags + int(s.more.Load())
	page := struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{Name: req.PathValue("repository"), Tags: make([]string, 0, size)}
	for i := from; i < min(from+size, all); i++ {
		page.Tags = append(page.Tags, tagName(repository, i))
	}
	w.Header().Set("Content-Type", "application/json")
	if from+size < all {
		w.Header().Set("Link", fmt.Sprintf(`<%s?n=%d&from=%d>; rel="next"`, req.URL.Path, size, from+size))
	}
	// A client that has gone hears of nothing.
	_ = json.NewEncoder(w).Encode(page)
}

func queryNumber(req *http.Request, key string, otherwise int) int {
	n, err := strconv.Atoi(req.URL.Query().Get(key))
	if err != nil {
		return otherwise
	}
	return n
}

// tagName is what teams name tags: every other one a version, the others a branch with a commit and a time, of which
// the commit's eight hex digits cannot be compressed.
func tagName(repository, i int) string {
	if i%2 == 0 {
		return fmt.Sprintf("v%d.%d.%d", i/2000, i/20%100, i/2%10)
	}
	at := 1_700_000_000 + 3600*i + repository
	return fmt.Sprintf("main-%08x-%d", uint32(scramble(uint64(repository)<<32|uint64(i))), at)
}

// scramble spreads numbers evenly; it is the output function of the generator SplitMix64.
func scramble(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// textBytes is the mean length of the tags.
func (s *synthetic) textBytes() float64 {
	sum := 0
	for i := range s.tags {
		sum += len(tagName(0, i))
	}
	return float64(sum) / float64(s.tags)
}
