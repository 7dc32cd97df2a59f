// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package sources

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// secretsEvery is how often secrets are looked at, give or take a fifth, so that replicas do not do it together.
	secretsEvery = 3 * time.Second
	// secretsShare bounds what that takes: a twentieth of the time.
	secretsShare = 20
)

// followSecrets looks again at repositories whose secrets changed, and tells of them. Each replica does so for what it has
// opened itself: an automation's owner is not always its source's.
func (w *Watch) followSecrets(ctx context.Context) error {
	took := time.Duration(0)
	for {
		spread := w.secretsEvery * 2 / 5
		wait := w.secretsEvery - spread/2 + rand.N(spread) // #nosec G404 -- spreads load, guards nothing
		select {
		case <-time.After(max(wait, secretsShare*took)):
		case <-ctx.Done():
			return nil
		}
		began := time.Now()
		w.compareSecrets(ctx)
		took = time.Since(began)
	}
}

func (w *Watch) compareSecrets(ctx context.Context) {
	changed, err := w.remotes.Changed(ctx)
	if err != nil {
		return // we are ending
	}
	for _, source := range changed {
		w.logger.InfoContext(ctx, "a secret of a Git repository has changed", "repository", source.String())
		w.queue.Now(source.String()) // a look of who owns it
		if w.SecretChanged != nil {
			w.SecretChanged(source)
		}
	}
}
