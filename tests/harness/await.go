// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"testing"
	"time"
)

const (
	// Patience is how long a test waits for something; where nothing is wrong it takes a second or two.
	Patience = 30 * time.Second
	// lookEvery is how often a condition is looked at.
	lookEvery = 20 * time.Millisecond
)

// Await waits until look returns nil; its error says what is still missing. The test ends with the last error when
// Patience is over. The context of one look ends with it.
func Await(t *testing.T, what string, look func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := Poll(ctx, look); err != nil {
		t.Fatalf("%s: not seen within %s: %v", what, Patience, err)
	}
}

// Poll is Await for goroutines that may not end the test.
func Poll(ctx context.Context, look func(ctx context.Context) error) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var last error
	for {
		err := look(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() == nil || last == nil:
			last = err // not the one that says no more than that time is over
		}
		select {
		case <-ctx.Done():
			return errors.Join(last, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
