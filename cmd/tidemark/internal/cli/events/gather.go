// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	// each is how many tags and runs are asked for, per object.
	each = 20
	// atOnce bounds the questions under way.
	atOnce = 8
)

// gather asks for all events. With an error it still returns those that it found.
func (v *verb) gather(ctx context.Context, s scope) ([]event, error) {
	var mu sync.Mutex
	var all []event
	var errs []error
	add := func(found []event, err error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, found...)
		if err != nil {
			errs = append(errs, err)
		}
	}
	questions := &errgroup.Group{}
	questions.SetLimit(atOnce)
	for _, kind := range s.kinds {
		objects, err := v.objects(ctx, kind, s)
		add(nil, err)
		for _, o := range objects {
			add(ofObject(kind, o), nil)
			if hasMore(o) {
				questions.Go(func() error {
					add(v.more(ctx, kind, o))
					return nil
				})
			}
		}
	}
	if err := questions.Wait(); err != nil {
		return nil, err
	}
	return all, errors.Join(errs...)
}

func (v *verb) objects(ctx context.Context, kind kinds.Kind, s scope) ([]kinds.Object, error) {
	conn, err := v.servers.To(ctx, kind.Service)
	if err != nil {
		return nil, err
	}
	if s.name == "" || s.namespace == "" {
		objects, err := kind.List(ctx, conn, kinds.Filter{Namespace: s.namespace})
		if err == nil && s.name != "" {
			if objects = named(objects, s.name); len(objects) == 0 {
				return nil, fmt.Errorf("%s object '%s' not found in any namespace", kind.Noun, s.name)
			}
		}
		return objects, err
	}
	o, err := kind.Get(ctx, conn, s.namespace, s.name)
	if errors.Is(err, rpcerr.ErrNotFound) {
		return nil, fmt.Errorf("%s object '%s' not found in %q namespace", kind.Noun, s.name, s.namespace)
	}
	if err != nil {
		return nil, err
	}
	return []kinds.Object{o}, nil
}

func named(objects []kinds.Object, name string) []kinds.Object {
	var found []kinds.Object
	for _, o := range objects {
		if o.GetMetadata().GetName() == name {
			found = append(found, o)
		}
	}
	return found
}

// hasMore says whether more than the object itself tells of what happened to it.
func hasMore(o kinds.Object) bool {
	switch o := o.(type) {
	case *scannerv1.ImageRepository:
		return o.GetStatus().GetLastScanResult() != nil
	case *updaterv1.ImageUpdateAutomation:
		return o.GetStatus().GetLastAutomationRunTime() != nil
	default:
		return false
	}
}

// more are a repository's new tags, or an automation's runs. What was deleted meanwhile has none.
func (v *verb) more(ctx context.Context, kind kinds.Kind, o kinds.Object) ([]event, error) {
	if !hasMore(o) {
		return nil, nil
	}
	conn, err := v.servers.To(ctx, kind.Service)
	if err != nil {
		return nil, err
	}
	var all []event
	switch o := o.(type) {
	case *scannerv1.ImageRepository:
		all, err = tags(ctx, conn, kind, o)
	case *updaterv1.ImageUpdateAutomation:
		all, err = runs(ctx, conn, kind, o)
	}
	if errors.Is(err, rpcerr.ErrNotFound) {
		return nil, nil
	}
	return all, err
}

func tags(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, o *scannerv1.ImageRepository) ([]event, error) {
	answer, err := scannerv1.NewTagServiceClient(conn).ListTags(ctx, &scannerv1.ListTagsRequest{
		Name: o.GetMetadata().GetName(), Namespace: o.GetMetadata().GetNamespace(), PageSize: each,
		OrderBy: scannerv1.TagOrder_TAG_ORDER_FIRST_SEEN, Descending: true,
	})
	if err != nil {
		return nil, err
	}
	return ofTags(kind, o, answer.GetTags()), nil
}

func runs(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, o *updaterv1.ImageUpdateAutomation) ([]event, error) {
	answer, err := updaterv1.NewImageUpdateAutomationServiceClient(conn).ListRuns(ctx, &updaterv1.ListRunsRequest{
		Name: o.GetMetadata().GetName(), Namespace: o.GetMetadata().GetNamespace(), PageSize: each,
		Outcomes: []updaterv1.RunOutcome{updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, updaterv1.RunOutcome_RUN_OUTCOME_FAILED},
	})
	if err != nil {
		return nil, err
	}
	return ofRuns(kind, o, answer.GetRuns()), nil
}
