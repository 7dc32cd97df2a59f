// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
)

// observe makes the instruments that show what is stored and followed now.
func (s *Service) observe() error {
	meter := s.cfg.Telemetry.Meter("tidemark.updater")
	objects, err := meter.Int64ObservableGauge("tidemark.updater.objects", metric.WithDescription("Objects by kind and readiness."))
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	followed, err := meter.Int64ObservableGauge("tidemark.updater.policies", metric.WithDescription("Policies that are followed."))
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	connected, err := meter.Int64ObservableGauge("tidemark.updater.upstream.connected",
		metric.WithDescription("1 while the resolver's policies are followed, else 0."))
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	held, err := meter.Int64ObservableGauge("tidemark.updater.held", metric.WithDescription("Marked values that automations hold back now, by reason."))
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	warned, err := meter.Int64ObservableGauge("tidemark.updater.warned",
		metric.WithDescription("Automations whose last run left something alone: unmatched markers, skipped files, held values."))
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	_, err = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		observeKind(o, objects, "ImageUpdateAutomation", s.automations)
		observeKind(o, objects, "GitRepository", s.repositories)
		o.ObserveInt64(followed, int64(s.follower.Len()))
		up := int64(1)
		if s.follower.Check(ctx) != nil {
			up = 0
		}
		o.ObserveInt64(connected, up)
		s.observeLeftAlone(o, held, warned)
		return nil
	}, objects, followed, connected, held, warned)
	if err != nil {
		return fmt.Errorf("updater: %w", err)
	}
	return nil
}

// observeLeftAlone counts what the last runs did not write.
func (s *Service) observeLeftAlone(o metric.Observer, held, warned metric.Int64Observable) {
	reasons := map[string]int64{}
	for reason := range updaterv1.HoldReason_name {
		if reason != 0 {
			reasons[holdWord(updaterv1.HoldReason(reason))] = 0
		}
	}
	automations := int64(0)
	for _, a := range s.automations.All() {
		if len(a.GetStatus().GetWarnings()) > 0 {
			automations++
		}
		for _, h := range a.GetStatus().GetHeld() {
			reasons[holdWord(h.GetReason())]++
		}
	}
	o.ObserveInt64(warned, automations)
	for reason, n := range reasons {
		o.ObserveInt64(held, n, metric.WithAttributes(attribute.String("reason", reason)))
	}
}

// holdWord is a reason as metrics have it: downgrade, not_compared.
func holdWord(reason updaterv1.HoldReason) string {
	return strings.ToLower(strings.TrimPrefix(reason.String(), "HOLD_REASON_"))
}

// stated is an object whose status has conditions.
type stated[S interface{ GetConditions() []*metav1.Condition }] interface {
	object.Message
	GetStatus() S
}

func observeKind[T stated[S], S interface{ GetConditions() []*metav1.Condition }](
	o metric.Observer, gauge metric.Int64Observable, kind string, objects *object.Store[T],
) {
	counts := map[string]int64{"true": 0, "false": 0, "unknown": 0}
	for _, one := range objects.All() {
		switch conditions.Get(one.GetStatus().GetConditions(), conditions.TypeReady).GetStatus() {
		case metav1.ConditionStatus_CONDITION_STATUS_TRUE:
			counts["true"]++
		case metav1.ConditionStatus_CONDITION_STATUS_FALSE:
			counts["false"]++
		default:
			counts["unknown"]++
		}
	}
	for ready, n := range counts {
		o.ObserveInt64(gauge, n, metric.WithAttributes(attribute.String("kind", kind), attribute.String("ready", ready)))
	}
}
