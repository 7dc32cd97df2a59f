// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner

import (
	"context"
	"errors"
	"time"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/scanner/internal/api"
	"github.com/tidemark-io/tidemark/scanner/internal/hook"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
	"github.com/tidemark-io/tidemark/scanner/internal/request"
	"github.com/tidemark-io/tidemark/scanner/internal/scan"
	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
)

// webhooks are the service's parts that take webhooks and have scanned what they ask for.
type webhooks struct {
	receivers *object.Store[state.Receiver]
	requests  *request.Requests
	hooks     *hook.Hooks
	api       *api.Receivers
}

func newWebhooks(cfg Config, st *state.State, loop *scan.Loop) (*webhooks, error) {
	logger := cfg.Telemetry.Logger()
	w := &webhooks{receivers: state.NewReceivers(cfg.Store, logger)}
	w.api = &api.Receivers{Store: w.receivers}
	w.requests = request.New(request.Config{
		Store: cfg.Store.Scoped(state.Service), Logger: logger,
		Scan: func(ctx context.Context, key object.Key, receiver string) (request.Result, error) {
			return scanRequested(ctx, loop, key, receiver)
		},
	})
	var err error
	w.hooks, err = hook.New(hook.Config{
		Receivers: w.receivers, Repositories: st.Repositories, Secrets: cfg.Secrets, Issuers: &receiver.Issuers{},
		Telemetry: cfg.Telemetry, Want: w.requests.Want,
		Pushed: func(ctx context.Context, r state.Repository, tag string) error {
			return st.Pushed(ctx, r.GetMetadata().GetUid(), tag, time.Now())
		},
	})
	return w, err
}

// add adds what runs; the calls end before what writes them down.
func (w *webhooks) add(group *lifecycle.Group, cfg Config, owner hook.Owner) {
	group.Add("receivers", w.receivers.Run)
	group.Add("requests", func(ctx context.Context) error { return w.requests.Run(ctx, owner) })
	group.Add("hooks", func(ctx context.Context) error { return w.hooks.Run(ctx, owner) })
	if cfg.Hooks != nil {
		group.Add("hook listener", func(ctx context.Context) error { return w.hooks.Serve(ctx, cfg.Hooks) })
	}
}

// scanRequested scans for a stored request, and says what came of it. A scan that failed is tried again by the loop; one
// that a suspension or the process's end prevented is not.
func scanRequested(ctx context.Context, loop *scan.Loop, key object.Key, receiver string) (request.Result, error) {
	outcome, err := loop.ScanForWebhook(ctx, key, receiver)
	_, failed := errors.AsType[*source.Error](err)
	switch {
	case err == nil && !outcome.Changed:
		return request.Unchanged, nil
	case err == nil, errors.Is(err, object.ErrNotFound):
		return request.Served, nil
	case errors.Is(err, scan.ErrSuspended):
		return request.Prevented, nil
	case failed && !errors.Is(err, store.ErrUnavailable):
		return request.Served, nil
	default:
		return request.Prevented, err
	}
}
