// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	for name, test := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"absent":                  {headers(), 0},
		"seconds":                 {headers("Retry-After", "120"), 2 * time.Minute},
		"spaces":                  {headers("Retry-After", " 3 "), 3 * time.Second},
		"zero":                    {headers("Retry-After", "0"), 0},
		"negative":                {headers("Retry-After", "-5"), 0},
		"a fraction":              {headers("Retry-After", "1.5"), 0},
		"nonsense":                {headers("Retry-After", "soon"), 0},
		"very many seconds":       {headers("Retry-After", "999999999999"), 24 * time.Hour},
		"too many digits":         {headers("Retry-After", "99999999999999999999"), 0},
		"a date":                  {headers("Retry-After", "Sat, 21 Nov 2026 12:00:30 GMT"), 30 * time.Second},
		"a date that is over":     {headers("Retry-After", "Sat, 21 Nov 2026 11:00:30 GMT"), 0},
		"a date far away":         {headers("Retry-After", "Sat, 21 Nov 2099 12:00:00 GMT"), 24 * time.Hour},
		"a date of another clock": {headers("Retry-After", "Sat, 21 Nov 2026 13:00:30 GMT", "Date", "Sat, 21 Nov 2026 13:00:00 GMT"), 30 * time.Second},
	} {
		if got, _ := RetryAfter(test.header, noon); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestParseWindowReadsAllForms(t *testing.T) {
	in := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	for name, test := range map[string]struct {
		header http.Header
		want   Window
		ok     bool
	}{
		"none": {headers("Content-Type", "text/html"), Window{}, false},
		"structured": {
			headers("RateLimit", `"default";r=50;t=30`, "RateLimit-Policy", `"default";q=100;w=60`),
			Window{100, 50, in(30)}, true,
		},
		"structured without a policy": {headers("RateLimit", `"default";r=50`), Window{0, 50, time.Time{}}, true},
		"the tightest of several": {
			headers("RateLimit", `"daily";r=500;t=3600, "burst";r=3;t=1`, "RateLimit-Policy", `"burst";q=10;w=1,"daily";q=1000;w=86400`),
			Window{10, 3, in(1)}, true,
		},
		"the longer of two that are used up": {headers("RateLimit", `"a";r=0;t=9`, "RateLimit", `"b";r=0;t=70`), Window{0, 0, in(70)}, true},
		"a name with separators":             {headers("RateLimit", `"a,b;r=1\"";r=7;t=2`), Window{0, 7, in(2)}, true},
		"dictionary":                         {headers("RateLimit", "limit=100, remaining=50, reset=5"), Window{100, 50, in(5)}, true},
		"separate": {
			headers("RateLimit-Limit", "100, 100;w=60", "RateLimit-Remaining", "0", "RateLimit-Reset", "60"),
			Window{100, 0, in(60)}, true,
		},
		"separate with a Unix time": {
			headers("X-RateLimit-Limit", "60", "X-RateLimit-Remaining", "59", "X-RateLimit-Reset", "1795262460"),
			Window{60, 59, time.Unix(1795262460, 0)}, true,
		},
		"Docker Hub": {
			headers("ratelimit-limit", "100;w=21600", "ratelimit-remaining", "76;w=21600"), Window{100, 76, time.Time{}}, true,
		},
		"a reset far away": {headers("RateLimit-Remaining", "0", "RateLimit-Reset", "99999999999"), Window{0, 0, noon.Add(24 * time.Hour)}, true},
		"no remaining":     {headers("RateLimit-Limit", "100"), Window{}, false},
		"negative":         {headers("RateLimit-Remaining", "-1"), Window{}, false},
		"nonsense":         {headers("RateLimit", `;;;=,",`, "RateLimit-Remaining", "many"), Window{}, false},
	} {
		got, ok := ParseWindow(test.header, noon)
		if ok != test.ok {
			t.Errorf("%s: read: %t, want %t", name, ok, test.ok)
		}
		if diff := cmp.Diff(test.want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// FuzzHeaders: whatever a host sends, what is understood is within bounds.
func FuzzHeaders(f *testing.F) {
	f.Add(`"default";r=50;t=30`, `"default";q=100;w=60`, "100;w=21600", "76;w=21600", "30", "120")
	f.Add("limit=100, remaining=50, reset=5", "", "", "", "", "Sat, 21 Nov 2026 12:00:30 GMT")
	f.Add(`"a\";,`, `"""`, "-1", "1e9", "999999999999999", "999999999999999")
	f.Fuzz(func(t *testing.T, combined, policy, limit, remaining, reset, retry string) {
		header := http.Header{
			"Ratelimit": {combined}, "Ratelimit-Policy": {policy}, "Ratelimit-Limit": {limit},
			"Ratelimit-Remaining": {remaining}, "Ratelimit-Reset": {reset}, "Retry-After": {retry},
		}
		if wait, _ := RetryAfter(header, noon); wait < 0 || wait > maxPause {
			t.Errorf("waits %v", wait)
		}
		window, ok := ParseWindow(header, noon)
		if !ok && window != (Window{}) {
			t.Errorf("nothing was read, but %+v", window)
		}
		if window.Limit < 0 || window.Remaining < 0 || window.Reset.After(noon.Add(maxPause)) {
			t.Errorf("out of bounds: %+v", window)
		}
	})
}
