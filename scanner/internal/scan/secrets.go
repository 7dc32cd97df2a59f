// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"slices"
	"time"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/origin"
)

const (
	// secretsEvery is how often the secrets that objects refer to are looked at.
	secretsEvery = 5 * time.Second
	// secretsShare bounds the time that this takes: a twentieth.
	secretsShare = 20
)

// followSecrets makes a scan due when a secret that it would use is another one than the last scan used: it came, went, or
// holds something else.
func (l *Loop) followSecrets(ctx context.Context) error {
	wait := l.secretsEvery
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		began := time.Now()
		l.compareSecrets(ctx)
		wait = max(l.secretsEvery, secretsShare*time.Since(began))
	}
}

func (l *Loop) compareSecrets(ctx context.Context) {
	versions := l.source.Versions()
	for key, secrets := range l.referring() {
		version, err := versions.Of(ctx, secrets)
		if err != nil {
			return // we are ending
		}
		l.sawSecrets(key, secrets, version)
	}
}

// referring are the objects whose scans would use secrets, here.
func (l *Loop) referring() map[object.Key][]object.Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[object.Key][]object.Key{}
	for key, t := range l.known {
		if len(t.secrets) > 0 && !t.suspended && l.owner.Owns(key.String()) {
			found[key] = t.secrets
		}
	}
	return found
}

// sawSecrets: before the first scan of this process there is nothing to compare with.
func (l *Loop) sawSecrets(key object.Key, secrets []object.Key, version string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, known := l.known[key]
	if !known || !slices.Equal(t.secrets, secrets) || t.version == version {
		return
	}
	if t.version != "" {
		t.next, t.why = time.Now(), origin.Spec
		l.queue.At(key.String(), t.next)
	}
	t.version = version
	l.known[key] = t
}
