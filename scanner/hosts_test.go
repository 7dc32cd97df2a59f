// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

// One replica is asked for a pause: it says so in the condition and in the list of hosts, and another replica, which sends
// nothing until then, knows too.
func TestPauseOfARegistryIsShownAndShared(t *testing.T) {
	var limited atomic.Bool
	var listings atomic.Int64
	r, err := localregistry.Start(localregistry.Config{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/tags/list") {
				listings.Add(1)
				if limited.Load() {
					w.Header().Set("Retry-After", "3600")
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
			}
			next.ServeHTTP(w, req)
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := r.Push(t.Context(), "app", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	st := storetest.Open(t)
	one := startOn(t, st, &secret.Memory{})
	other := startOn(t, st, &secret.Memory{})
	one.apply(repository("app", r.Host()+"/app"))
	one.settled("app", found(1))
	shown := func(s *service) *scannerv1.RegistryHost {
		resp, err := scannerv1.NewRegistryHostServiceClient(s.conn).ListRegistryHosts(t.Context(), &scannerv1.ListRegistryHostsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range resp.GetRegistryHosts() {
			if host.GetHost() == r.Host() {
				return host
			}
		}
		return nil
	}
	one.eventually("a replica that lists the host", func() bool {
		return shown(one).GetState() == scannerv1.RegistryHostState_REGISTRY_HOST_STATE_OK ||
			shown(other).GetState() == scannerv1.RegistryHostState_REGISTRY_HOST_STATE_OK
	}, func() any { return []any{shown(one), shown(other)} })

	limited.Store(true)
	_, err = one.repositories.ScanImageRepository(t.Context(), &scannerv1.ScanImageRepositoryRequest{Name: "app"})
	if err == nil || !strings.Contains(err.Error(), "asked for a pause until") {
		t.Errorf("the scan has %v", err)
	}
	ready := conditions.Ready(one.get("app").GetStatus())
	if !strings.Contains(ready.GetMessage(), "scan failed: registry "+r.Host()+" asked for a pause until") {
		t.Errorf("the condition is %v", ready)
	}
	for _, s := range []*service{one, other} {
		s.eventually("a host that is limited", func() bool {
			host := shown(s)
			return host.GetState() == scannerv1.RegistryHostState_REGISTRY_HOST_STATE_LIMITED &&
				time.Until(host.GetRetryTime().AsTime()) > 50*time.Minute && host.GetLastError() == "429 Too Many Requests"
		}, func() any { return shown(s) })
	}
	before := listings.Load()
	for _, s := range []*service{one, other} {
		if _, err := s.repositories.ScanImageRepository(t.Context(), &scannerv1.ScanImageRepositoryRequest{Name: "app"}); err == nil {
			t.Error("a scan succeeded during the pause")
		}
	}
	if got := listings.Load() - before; got != 0 {
		t.Errorf("%d requests were sent during the pause", got)
	}
}
