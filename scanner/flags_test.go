// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/pflag"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
	"github.com/tidemark-io/tidemark/scanner"
)

func TestFlagsAreCheckedAndHaveDefaults(t *testing.T) {
	parse := func(args ...string) (scanner.Flags, error) {
		var flags scanner.Flags
		fs := pflag.NewFlagSet("scanner", pflag.ContinueOnError)
		flags.Add(fs)
		return flags, fs.Parse(args)
	}
	if got, err := parse(); err != nil || got.PageSize != 1000 || got.MaxTagShrink != 0.5 {
		t.Errorf("defaults: %+v, %v", got, err)
	}
	if got, err := parse("--page-size=100", "--max-tag-shrink=1"); err != nil || got.PageSize != 100 || got.MaxTagShrink != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{"0", "-0.1", "1.5", "NaN", "half"} {
		if _, err := parse("--max-tag-shrink=" + wrong); err == nil || !strings.Contains(err.Error(), "no number above 0 and up to 1") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestConfigOutsideOfItsBoundsIsRefused(t *testing.T) {
	st, tel := storetest.Open(t), grpctest.Telemetry(t, nil)
	for _, change := range []func(*scanner.Config){
		func(c *scanner.Config) { c.PageSize = -1 },
		func(c *scanner.Config) { c.MaxTagShrink = -0.5 },
		func(c *scanner.Config) { c.MaxTagShrink = 2 },
		func(c *scanner.Config) { c.MaxTagShrink = math.NaN() },
	} {
		config := scanner.Config{Store: st, Telemetry: tel, Secrets: &secret.Memory{}}
		change(&config)
		if _, err := scanner.New(config); err == nil {
			t.Errorf("page size %d, shrink %v: no error", config.PageSize, config.MaxTagShrink)
		}
	}
}

// pages are the sizes of the pages that a registry was asked for.
type pages struct {
	mu    sync.Mutex
	sizes []int
}

// capped makes a registry list at most limit tags at once, whatever it is asked for.
func (p *pages) capped(limit int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		query := req.URL.Query()
		if n, err := strconv.Atoi(query.Get("n")); err == nil && strings.HasSuffix(req.URL.Path, "/tags/list") {
			p.mu.Lock()
			p.sizes = append(p.sizes, n)
			p.mu.Unlock()
			query.Set("n", strconv.Itoa(min(n, limit)))
			req.URL.RawQuery = query.Encode()
		}
		next.ServeHTTP(w, req)
	})
}

func (p *pages) take() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	sizes := p.sizes
	p.sizes = nil
	return sizes
}

func TestPagesAreOfTheSizeAskedForOrWhatTheRegistryGives(t *testing.T) {
	var tags []string
	for i := range 25 {
		tags = append(tags, fmt.Sprintf("1.0.%d", i))
	}
	slices.Sort(tags)
	var asked pages
	r, err := localregistry.Start(localregistry.Config{
		Wrap: func(next http.Handler) http.Handler { return asked.capped(10, next) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.Push(t.Context(), "app", tags...); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		size int
		want []int
	}{
		{0, []int{1000, 10, 10}},     // the registry's links say 10
		{5, []int{5, 5, 5, 5, 5, 5}}, // it links after a full last page, too
	} {
		s := startOn(t, storetest.Open(t), &secret.Memory{}, func(c *scanner.Config) { c.PageSize = tt.size })
		s.apply(repository("app", r.Host()+"/app"))
		s.settled("app", found(25))
		if got := asked.take(); !slices.Equal(got, tt.want) {
			t.Errorf("page size %d: asked for %v, want %v", tt.size, got, tt.want)
		}
		if got := names(s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetTags()); !slices.Equal(got, tags) {
			t.Errorf("page size %d: tags %q", tt.size, got)
		}
		s.stop()
	}
}
