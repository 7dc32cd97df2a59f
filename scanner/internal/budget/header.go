// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"net/http"
	"strings"
	"time"
)

const (
	// maxPause bounds what a host may ask for: who asks for more is asked again after a day.
	maxPause = 24 * time.Hour
	// maxHeader and maxItems bound what is read of a header: its bytes, and the elements of a list or an element's
	// parameters.
	maxHeader = 1024
	maxItems  = 16
	// epochs tells times from durations, both in seconds: some servers send the one where the other is meant.
	epochs = 1_000_000_000
)

// RetryAfter is how long the header of that name asks to wait: seconds, or a date, which is compared with the answer's own
// Date if it has one, for clocks differ. At most a day; zero: the time is over. False: it is absent, or not to be read.
func RetryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, ok := parseNumber(value); ok {
		return boundedSeconds(seconds), true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	return min(max(date.Sub(now).Round(time.Second), 0), maxPause), true
}

// Window is what a host allows within a time of its own choosing.
type Window struct {
	// Limit is how many requests it allows; zero: it does not say.
	Limit int64
	// Remaining is how many of them are left.
	Remaining int64
	// Reset is when the window begins anew; zero: it does not say.
	Reset time.Time
}

// ParseWindow reads the RateLimit headers of an answer, in the forms that are about:
//
//	RateLimit: "default";r=50;t=30              (IETF draft-ietf-httpapi-ratelimit-headers, since -08)
//	RateLimit-Policy: "default";q=100;w=60
//	RateLimit: limit=100, remaining=50, reset=5 (-05 to -07)
//	RateLimit-Limit: 100, 100;w=60              (up to -06, and X-RateLimit-…)
//	RateLimit-Remaining: 50
//	RateLimit-Reset: 30                         (seconds, or a Unix time)
//	RateLimit-Limit: 100;w=21600                (Docker Hub)
//	RateLimit-Remaining: 76;w=21600
//
// Where there are several quotas, the one that is used up first counts. False: there are none, or they cannot be read.
func ParseWindow(header http.Header, now time.Time) (Window, bool) {
	if window, ok := parseStructured(header, now); ok {
		return window, true
	}
	for _, prefix := range []string{"Ratelimit-", "X-Ratelimit-"} {
		if window, ok := parseSeparate(header, prefix, now); ok {
			return window, true
		}
	}
	return Window{}, false
}

func parseStructured(header http.Header, now time.Time) (Window, bool) {
	list := parseItems(header.Values("Ratelimit"))
	if len(list) == 0 {
		return Window{}, false
	}
	if window, ok := parseDictionary(list, now); ok {
		return window, true
	}
	limits := map[string]int64{}
	for _, policy := range parseItems(header.Values("Ratelimit-Policy")) {
		if quota, ok := policy.parameter("q"); ok {
			limits[policy.value] = quota
		}
	}
	var tightest Window
	found := false
	for _, quota := range list {
		remaining, ok := quota.parameter("r")
		if !ok {
			continue
		}
		window := Window{Limit: limits[quota.value], Remaining: remaining}
		if seconds, ok := quota.parameter("t"); ok {
			window.Reset = resetAt(seconds, now)
		}
		if !found || window.tighter(tightest) {
			tightest, found = window, true
		}
	}
	return tightest, found
}

// parseDictionary reads `limit=100, remaining=50, reset=5`.
func parseDictionary(list []item, now time.Time) (Window, bool) {
	var window Window
	found := false
	for _, member := range list {
		key, value, _ := strings.Cut(member.value, "=")
		number, ok := parseNumber(strings.TrimSpace(value))
		if !ok {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "limit":
			window.Limit = number
		case "remaining":
			window.Remaining, found = number, true
		case "reset":
			window.Reset = resetAt(number, now)
		}
	}
	return window, found
}

func parseSeparate(header http.Header, prefix string, now time.Time) (Window, bool) {
	remaining, ok := firstNumber(header.Values(prefix + "Remaining"))
	if !ok {
		return Window{}, false
	}
	window := Window{Remaining: remaining}
	window.Limit, _ = firstNumber(header.Values(prefix + "Limit"))
	if seconds, ok := firstNumber(header.Values(prefix + "Reset")); ok {
		window.Reset = resetAt(seconds, now)
	}
	return window, true
}

// tighter says whether w is used up before other.
func (w Window) tighter(other Window) bool {
	if w.Remaining == 0 && other.Remaining == 0 {
		return w.Reset.After(other.Reset)
	}
	return w.Remaining < other.Remaining
}

func resetAt(seconds int64, now time.Time) time.Time {
	if seconds < epochs {
		return now.Add(boundedSeconds(seconds))
	}
	at := time.Unix(seconds, 0)
	if at.After(now.Add(maxPause)) {
		return now.Add(maxPause)
	}
	return at
}

// boundedSeconds is a duration of seconds, bounded before it could overflow.
func boundedSeconds(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), int64(maxPause/time.Second))) * time.Second
}
