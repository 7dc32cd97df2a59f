// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

// startTimeout bounds the start; it takes a fraction of a second where nothing is wrong.
const startTimeout = time.Minute

// Running is the services at work. Stop ends them.
type Running struct {
	Addresses
	// Conn reaches the services without a network.
	Conn grpc.ClientConnInterface

	surroundings *surroundings
	stop         context.CancelFunc
	stopped      chan error
	ended        chan struct{}
}

// Start runs the services beside the caller, and returns when calls are answered. They go on when ctx ends.
func Start(ctx context.Context, options Options) (*Running, error) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &Running{stop: stop, stopped: make(chan error, 1), ended: make(chan struct{})}
	ready := make(chan struct{})
	told := options.Ready
	options.Ready = func(addresses Addresses) {
		r.Addresses = addresses
		if told != nil {
			told(addresses)
		}
		close(ready)
	}
	options.built = func(conn grpc.ClientConnInterface, s *surroundings) { r.Conn, r.surroundings = conn, s }
	go func() {
		defer close(r.ended)
		r.stopped <- Run(running, options)
	}()
	select {
	case <-ready:
		return r, nil
	case err := <-r.stopped:
		stop()
		return nil, fmt.Errorf("start the services: %w", err)
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), r.Stop())
	case <-time.After(startTimeout):
		return nil, errors.Join(fmt.Errorf("the services did not start within %s", startTimeout), r.Stop())
	}
}

// Ended is closed when the services have ended, for whatever reason.
func (r *Running) Ended() <-chan struct{} { return r.ended }

// Accept gives the services the secrets, which stay in memory, and the namespaces' labels of a set of manifests.
func (r *Running) Accept(set *manifest.Set) { r.surroundings.accept(set) }

// Stop ends the services, and says how they ended. It may be called once.
func (r *Running) Stop() error {
	r.stop()
	return <-r.stopped
}
