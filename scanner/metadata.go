// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner

import (
	"context"
	"time"

	"github.com/tidemark-io/tidemark/scanner/internal/pushtime"
)

// sweepEvery is how often metadata that nobody asks for is deleted.
const sweepEvery = 24 * time.Hour

// PushTimes are the registries whose own APIs tell when tags were pushed. The zero value is Docker Hub, quay.io, Amazon
// ECR, and hosts whose names begin with `harbor.` or `quay.`.
type PushTimes struct {
	// HubURL and ECRURL are the addresses of the APIs; empty: the services' own.
	HubURL, ECRURL string
	// Quay and Harbor are further hosts, as in image names, that run one.
	Quay, Harbor []string
}

func (p PushTimes) registries() *pushtime.Registries {
	return pushtime.New(pushtime.Config{Hub: p.HubURL, ECR: p.ECRURL, Quay: p.Quay, Harbor: p.Harbor})
}

// sweepMetadata deletes, at the start and once a day, what is kept about tags and no longer asked for.
func (s *Service) sweepMetadata(ctx context.Context) error {
	select {
	case <-s.state.Repositories.Ready():
	case <-ctx.Done():
		return nil
	}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		for what, sweep := range map[string]func(context.Context, time.Time) (int, error){
			"metadata": s.state.SweepMetadata, "tracked tags": s.state.SweepTracked,
		} {
			swept, err := sweep(ctx, time.Now())
			if err != nil && ctx.Err() == nil {
				// What is left takes room and does no harm; the next time tries again.
				s.config.Telemetry.Logger().WarnContext(ctx, "sweeping what nobody asks for failed", "of", what, "error", err)
			}
			if swept > 0 {
				s.config.Telemetry.Logger().InfoContext(ctx, "swept what nobody asks for", "of", what, "count", swept)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}
