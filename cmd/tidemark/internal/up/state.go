// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// tally counts the manifests of a set by what became of them.
type tally struct {
	applied   int // stored as the manifest says
	refused   int // by their service
	elsewhere int // another source of manifests has them
	failing   int // to be tried again
	kept      int // without a manifest, and not deleted
	mistakes  int // errors of the files
}

// state is what the metrics show of the follower. It may be used from any goroutine.
type state struct {
	health func(ok bool) // tells the health service; nil: nobody

	mu     sync.Mutex
	up     bool
	last   time.Time
	counts tally
}

// looked notes how a look went.
func (s *state) looked(r reading, now time.Time) {
	s.mu.Lock()
	s.up = r.err == nil
	if s.up {
		s.last = now
	}
	s.mu.Unlock()
	if s.health != nil {
		s.health(r.err == nil)
	}
}

func (s *state) reconciled(counts tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = counts
}

// observe makes the instruments.
func (s *state) observe(meter metric.Meter, name string) error {
	source := attribute.String("manifests", name)
	following, err := meter.Int64ObservableGauge("tidemark.manifests.following",
		metric.WithDescription("1 while the manifests can be looked at, else 0: what was applied stays."))
	if err != nil {
		return fmt.Errorf("--manifests: %w", err)
	}
	looked, err := meter.Float64ObservableGauge("tidemark.manifests.looked", metric.WithUnit("s"),
		metric.WithDescription("When the manifests were last looked at, in Unix seconds; 0: never yet."))
	if err != nil {
		return fmt.Errorf("--manifests: %w", err)
	}
	objects, err := meter.Int64ObservableGauge("tidemark.manifests.objects",
		metric.WithDescription("Objects by what became of them: applied, refused, elsewhere, failing, kept."))
	if err != nil {
		return fmt.Errorf("--manifests: %w", err)
	}
	mistakes, err := meter.Int64ObservableGauge("tidemark.manifests.mistakes", metric.WithDescription("Mistakes in the files."))
	if err != nil {
		return fmt.Errorf("--manifests: %w", err)
	}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		up, last, counts := s.read()
		o.ObserveInt64(following, up, metric.WithAttributes(source))
		o.ObserveFloat64(looked, last, metric.WithAttributes(source))
		o.ObserveInt64(mistakes, int64(counts.mistakes), metric.WithAttributes(source))
		for word, n := range map[string]int{
			"applied": counts.applied, "refused": counts.refused, "elsewhere": counts.elsewhere, "failing": counts.failing, "kept": counts.kept,
		} {
			o.ObserveInt64(objects, int64(n), metric.WithAttributes(source, attribute.String("state", word)))
		}
		return nil
	}, following, looked, objects, mistakes)
	if err != nil {
		return fmt.Errorf("--manifests: %w", err)
	}
	return nil
}

func (s *state) read() (up int64, last float64, counts tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.up {
		up = 1
	}
	if !s.last.IsZero() {
		last = float64(s.last.UnixMilli()) / 1e3
	}
	return up, last, s.counts
}
