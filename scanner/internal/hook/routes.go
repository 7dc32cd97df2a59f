// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"crypto/sha256"

	"golang.org/x/time/rate"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

// The rate of one path: a burst of 2,000 calls is taken, then 100 a second; and how many of them are worked on at once, so
// that slow callers of one leave room for the others'.
const (
	pathRate        = 100
	pathBurst       = 2000
	pathConcurrency = concurrency / 4
)

// gate bounds the calls of one path.
type gate struct {
	limit *rate.Limiter
	slots chan struct{}
}

func newGate() *gate {
	return &gate{limit: rate.NewLimiter(pathRate, pathBurst), slots: make(chan struct{}, pathConcurrency)}
}

// route is what answers at a path. It is never changed.
type route struct {
	key      object.Key
	object   *scannerv1.Receiver
	receiver *receiver.Receiver
	gate     *gate
}

// routes finds what answers by the hash of the path, so that how long it takes tells nothing of the paths there are.
type routes map[[sha256.Size]byte]*route

func (r routes) find(path string) (*route, bool) {
	found, ok := r[sha256.Sum256([]byte(path))]
	return found, ok
}

func (r routes) add(path string, one *route) { r[sha256.Sum256([]byte(path))] = one }

func (r *route) suspended() bool { return suspended(r.object) }

func suspended(r *scannerv1.Receiver) bool {
	return r.GetSpec().GetSuspend() || r.GetOverride().GetSuspension() != nil
}
