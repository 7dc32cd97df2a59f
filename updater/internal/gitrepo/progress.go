// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"time"
)

// progressEvery is the shortest time between two words about one download.
const progressEvery = 250 * time.Millisecond

// Progress is how far a download is.
type Progress struct {
	// Objects and Bytes of the pack that have arrived.
	Objects int
	Bytes   int64
}

type progressKey struct{}

// WithProgress makes downloads under the context tell how far they are: about four times a second, and once at
// the end. What needs no download tells nothing. The function is called while the Repo is busy and must not
// call it.
func WithProgress(ctx context.Context, tell func(Progress)) context.Context {
	return context.WithValue(ctx, progressKey{}, tell)
}

// meter passes the progress of one download on.
type meter struct {
	tell func(Progress)
	next time.Time
	now  Progress
}

func meterOf(ctx context.Context) *meter {
	tell, _ := ctx.Value(progressKey{}).(func(Progress))
	return &meter{tell: tell, next: time.Now().Add(progressEvery)}
}

func (m *meter) add(objects int, bytes int64) {
	if m.tell == nil {
		return
	}
	m.now.Objects += objects
	m.now.Bytes += bytes
	if now := time.Now(); now.After(m.next) {
		m.next = now.Add(progressEvery)
		m.tell(m.now)
	}
}

func (m *meter) end() {
	if m.tell != nil && m.now != (Progress{}) {
		m.tell(m.now)
	}
}
