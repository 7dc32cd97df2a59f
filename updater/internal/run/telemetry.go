// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
)

// maxLinks is OpenTelemetry's own bound.
const maxLinks = 128

// startSpan begins the run's span. A run that was asked for belongs to the caller's trace; another one to that of the policy
// that changed last, and is linked to those of the other policies that changed since the last run.
func (w *work) startSpan(ctx context.Context) {
	changed := w.changedPolicies()
	switch {
	case w.request.Parent.IsValid():
		ctx = trace.ContextWithRemoteSpanContext(ctx, w.request.Parent)
	case len(changed) > 0:
		ctx, changed = telemetry.Extract(ctx, changed[0].Trace), changed[1:]
	}
	links := linksTo(changed) //nolint:contextcheck // a link is no child of what runs now
	_, w.span = w.Tracer.Start(ctx, "run", trace.WithLinks(links...), trace.WithAttributes(
		attribute.String("tidemark.automation", w.key.String()),
		attribute.String("tidemark.trigger", w.request.Trigger.String()),
	))
	if w.span.SpanContext().IsValid() {
		w.run.TraceId = w.span.SpanContext().TraceID().String()
	}
}

func linksTo(changed []*policies.Policy) []trace.Link {
	var links []trace.Link
	for _, p := range changed {
		if link := telemetry.Link(p.Trace); link.SpanContext.IsValid() && len(links) < maxLinks {
			links = append(links, link)
		}
	}
	return links
}

// sharedWith links what is done once for several runs, and whose span is below this one's, to the others.
func (w *work) sharedWith(works []*work) trace.SpanStartOption {
	var links []trace.Link
	for _, other := range works {
		if with := other.span.SpanContext(); other != w && with.IsValid() && len(links) < maxLinks {
			links = append(links, trace.Link{SpanContext: with})
		}
	}
	return trace.WithLinks(links...)
}

// changedPolicies are the policies whose images differ from those of the last run, the last changed first.
func (w *work) changedPolicies() []*policies.Policy {
	parsed, violations := spec.ParseAutomation(w.automation)
	if len(violations) > 0 {
		return nil
	}
	return Changed(parsed, w.automation.GetStatus(), w.Policies.In(w.key.Namespace))
}

// Changed returns those of the policies that the automation uses whose images differ from those of its last good run, the
// last changed first.
func Changed(a spec.Automation, s *updaterv1.ImageUpdateAutomationStatus, all map[string]*policies.Policy) []*policies.Policy {
	var changed []*policies.Policy
	for name, p := range all {
		seen := s.GetObservedPolicies()[name]
		same := p.Image.Name == seen.GetName() && p.Image.Tag == seen.GetTag() && p.Image.Digest == seen.GetDigest()
		if !same && a.Policies.Matches(labelSet(p.Labels)) {
			changed = append(changed, p)
		}
	}
	slices.SortFunc(changed, func(a, b *policies.Policy) int { return cmp.Compare(b.Order, a.Order) })
	return changed
}

// Meters are the runs' instruments.
type Meters struct {
	runs     metric.Int64Counter
	duration metric.Float64Histogram
	races    metric.Int64Counter
	problems metric.Int64Counter
}

// NewMeters makes the instruments.
func NewMeters(meter metric.Meter) (*Meters, error) {
	var m Meters
	var err error
	if m.runs, err = meter.Int64Counter("tidemark.updater.runs",
		metric.WithDescription("Runs of automations by how they ended.")); err != nil {
		return nil, err
	}
	if m.duration, err = meter.Float64Histogram("tidemark.updater.run.duration", metric.WithUnit("s"),
		metric.WithDescription("How long runs took.")); err != nil {
		return nil, err
	}
	if m.problems, err = meter.Int64Counter("tidemark.updater.problems",
		metric.WithDescription("What runs left alone, by kind: unmatched and unreadable markers, skipped files, held values.")); err != nil {
		return nil, err
	}
	m.races, err = meter.Int64Counter("tidemark.updater.lost.races",
		metric.WithDescription("How often somebody else pushed first, and the run started over."))
	return &m, err
}

// ran counts a run, and what it left alone by its kind.
func (m *Meters) ran(ctx context.Context, run *updaterv1.Run, problems map[string]int64) {
	for kind, n := range problems {
		m.problems.Add(ctx, n, metric.WithAttributes(attribute.String("kind", kind)))
	}
	outcome := map[updaterv1.RunOutcome]string{
		updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE: "up_to_date",
		updaterv1.RunOutcome_RUN_OUTCOME_PUSHED:     "pushed",
		updaterv1.RunOutcome_RUN_OUTCOME_FAILED:     "failed",
	}[run.GetOutcome()]
	with := metric.WithAttributes(attribute.String("outcome", outcome))
	m.runs.Add(ctx, 1, with)
	m.duration.Record(ctx, time.Since(run.GetStartTime().AsTime()).Seconds(), with)
}

func (m *Meters) lostRace(ctx context.Context) { m.races.Add(ctx, 1) }
