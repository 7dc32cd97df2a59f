// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package policies follows the policies of the resolver into memory, and says when one's choice has changed. While the
// resolver is away what was known stays and counts. It chooses nothing and stores nothing: after a start all is told again.
package policies

import (
	"context"
	"maps"
	"sync"

	"google.golang.org/grpc"

	"log/slog"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// Policy is what an automation needs of an ImagePolicy. It is not changed once it is handed out.
type Policy struct {
	Key    object.Key
	Labels map[string]string
	// Image is the last good answer, whether the policy is ready or not; the zero value: it never had one.
	Image marker.Image
	// Generation is that of the spec that chose the image.
	Generation int64
	// Held says that an operator has pinned the image.
	Held bool
	// Trace is of the scan that led to the image.
	Trace *metav1.TraceContext
	// Order rises with each change: of two policies the one with the higher order changed later.
	Order uint64
}

// same says whether an automation need not know the difference.
func (p *Policy) same(other *Policy) bool {
	return p.Image == other.Image && p.Generation == other.Generation && p.Held == other.Held && maps.Equal(p.Labels, other.Labels)
}

// Change is a policy whose image, labels, generation or hold changed, that came, or that went.
type Change struct {
	Key object.Key
	// Before is nil where the policy came, After where it went.
	Before, After *Policy
}

// Follower follows the policies. It is safe for concurrent use.
type Follower struct {
	client  resolverv1.ImagePolicyServiceClient
	logger  *slog.Logger
	changed func(Change)

	mu       sync.RWMutex
	policies map[string]map[string]*Policy // by namespace, then name
	order    uint64
	problem  error // why nothing is followed now
	ready    chan struct{}
	isReady  bool
}

// New makes a follower of the resolver behind the connection. changed is called for each change after the first
// snapshot, from one goroutine; it must not wait.
func New(conn grpc.ClientConnInterface, logger *slog.Logger, changed func(Change)) *Follower {
	return &Follower{
		client:   resolverv1.NewImagePolicyServiceClient(conn),
		logger:   logger,
		changed:  changed,
		policies: map[string]map[string]*Policy{},
		problem:  errNotAsked,
		ready:    make(chan struct{}),
	}
}

// Ready is closed when all policies are known for the first time.
func (f *Follower) Ready() <-chan struct{} { return f.ready }

// Check says why the resolver is not being followed; nil: it is.
func (f *Follower) Check(context.Context) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.problem
}

// In returns the policies of a namespace by name. The map is the caller's.
func (f *Follower) In(namespace string) map[string]*Policy {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return maps.Clone(f.policies[namespace])
}

// Has says whether there is such a policy.
func (f *Follower) Has(key object.Key) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.policies[key.Namespace][key.Name] != nil
}

// Len is how many policies are known.
func (f *Follower) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	n := 0
	for _, named := range f.policies {
		n += len(named)
	}
	return n
}

// put takes in a policy as it is now, and tells of the change if it is one.
func (f *Follower) put(p *resolverv1.ImagePolicy) {
	key := object.KeyOfMeta(p.GetMetadata())
	latest := p.GetStatus().GetLatestRef()
	hold := p.GetOverride().GetHold()
	now := &Policy{
		Key: key, Labels: p.GetMetadata().GetLabels(), Trace: p.GetStatus().GetTrace(),
		Image:      marker.Image{Name: latest.GetName(), Tag: latest.GetTag(), Digest: latest.GetDigest()},
		Generation: p.GetStatus().GetObservedGeneration(),
		Held:       hold != nil && hold.GetTag() == latest.GetTag(),
	}
	f.mu.Lock()
	was := f.policies[key.Namespace][key.Name]
	if was != nil && was.same(now) {
		f.mu.Unlock()
		return
	}
	f.order++
	now.Order = f.order
	if f.policies[key.Namespace] == nil {
		f.policies[key.Namespace] = map[string]*Policy{}
	}
	f.policies[key.Namespace][key.Name] = now
	tell := f.isReady
	f.mu.Unlock()
	if tell {
		f.changed(Change{Key: key, Before: was, After: now})
	}
}

// remove forgets a policy, and tells of it.
func (f *Follower) remove(key object.Key) {
	f.mu.Lock()
	was := f.policies[key.Namespace][key.Name]
	delete(f.policies[key.Namespace], key.Name)
	if len(f.policies[key.Namespace]) == 0 {
		delete(f.policies, key.Namespace)
	}
	tell := f.isReady && was != nil
	f.mu.Unlock()
	if tell {
		f.changed(Change{Key: key, Before: was})
	}
}

// keep removes the policies that a snapshot did not have.
func (f *Follower) keep(seen map[object.Key]bool) {
	var gone []object.Key
	f.mu.RLock()
	for namespace, named := range f.policies {
		for name := range named {
			if key := (object.Key{Namespace: namespace, Name: name}); !seen[key] {
				gone = append(gone, key)
			}
		}
	}
	f.mu.RUnlock()
	for _, key := range gone {
		f.remove(key)
	}
}

func (f *Follower) complete() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isReady {
		f.isReady = true
		close(f.ready)
	}
}
