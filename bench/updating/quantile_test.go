// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"slices"
	"testing"
	"time"
)

// times are how long the rounds of a benchmark took.
type times []time.Duration

// quantile is the time that a share of the rounds did not exceed, in milliseconds.
func (t times) quantile(share float64) float64 {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	place := share * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	between := place - float64(low)
	return milliseconds(sorted[low])*(1-between) + milliseconds(sorted[high])*between
}

func (t times) median() float64 { return t.quantile(0.5) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// timed is how long a step took.
func timed(step func()) time.Duration {
	began := time.Now()
	step()
	return time.Since(began)
}

// report reports the three quantiles that people ask for.
func (t times) report(b *testing.B, name string) {
	b.Helper()
	b.ReportMetric(t.median(), name+"-median-ms")
	b.ReportMetric(t.quantile(0.9), name+"-p90-ms")
	b.ReportMetric(t.quantile(0.99), name+"-p99-ms")
}

func TestQuantilesLieBetweenNeighbours(t *testing.T) {
	rounds := times{3 * time.Millisecond, time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}
	for share, want := range map[float64]float64{0: 1, 0.5: 2.5, 1: 4} {
		if got := rounds.quantile(share); got != want {
			t.Errorf("quantile %v is %v, want %v", share, got, want)
		}
	}
}
