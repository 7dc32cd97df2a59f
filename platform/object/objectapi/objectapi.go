// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package objectapi has the bodies of the RPCs that every kind of object has: Apply, Get, List, Delete, Watch, Suspend,
// Resume. A service's adapter unpacks its request, calls one of these and packs the response. Errors are left to package
// rpcerr's interceptors; authorization and the checks of a kind's own are the adapter's.
package objectapi

import (
	"cmp"
	"context"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// DefaultManager is who applies when a request does not say.
const DefaultManager = "api"

const (
	defaultPageSize = 500
	maxPageSize     = 1000
)

// ApplyRequest is what the kinds' Apply requests have in common beside the object.
type ApplyRequest interface {
	GetManager() string
	GetValidateOnly() bool
}

// Named is a request that names an object: a Get or a Delete, among others.
type Named interface {
	GetName() string
	GetNamespace() string
}

// ListRequest is what the kinds' List requests have in common.
type ListRequest interface {
	GetNamespace() string
	GetLabelSelector() string
	GetPageSize() int32
	GetPageToken() string
}

// WatchRequest is what the kinds' Watch requests have in common.
type WatchRequest interface {
	GetNamespace() string
	GetLabelSelector() string
	GetResumeToken() string
}

// Key returns the key that a request names.
func Key(req Named) object.Key { return object.KeyOf(req.GetNamespace(), req.GetName()) }

// Apply stores the object.
func Apply[T object.Message](
	ctx context.Context, store *object.Store[T], obj T, req ApplyRequest,
) (T, metav1.ApplyOutcome, error) {
	return store.Apply(ctx, obj, object.ApplyOptions{
		Manager:      cmp.Or(req.GetManager(), DefaultManager),
		ValidateOnly: req.GetValidateOnly(),
	})
}

// Get returns the object that the request names.
func Get[T object.Message](ctx context.Context, store *object.Store[T], req Named) (T, error) {
	return store.Get(ctx, Key(req))
}

// Delete removes the object that the request names.
func Delete[T object.Message](ctx context.Context, store *object.Store[T], req Named) error {
	return store.Delete(ctx, Key(req))
}

// List returns a page of objects and the next page's token.
func List[T object.Message](ctx context.Context, store *object.Store[T], req ListRequest) ([]T, string, error) {
	size := min(int(cmp.Or(req.GetPageSize(), defaultPageSize)), maxPageSize)
	return store.List(ctx, object.Filter{Namespace: req.GetNamespace(), LabelSelector: req.GetLabelSelector()},
		max(size, 1), req.GetPageToken())
}

// WatchRequested streams the objects that a Watch request asks for. See Watch.
func WatchRequested[T object.Message, R any](
	ctx context.Context, store *object.Store[T], req WatchRequest, send func(*R) error, build func(object.Event[T]) *R,
) error {
	filter := object.Filter{Namespace: req.GetNamespace(), LabelSelector: req.GetLabelSelector()}
	return Watch(ctx, store, filter, req.GetResumeToken(), send, build)
}

// Watch sends what build makes of each event until the context ends, sending fails or the subscription does. It never
// returns nil. An event for which build returns nil is not sent, unless its token would be lost with it: build must
// then answer with a checkpoint.
func Watch[T object.Message, R any](
	ctx context.Context, store *object.Store[T], filter object.Filter, token string,
	send func(*R) error, build func(object.Event[T]) *R,
) error {
	subscription, err := store.Subscribe(ctx, filter, token)
	if err != nil {
		return err
	}
	for {
		event, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		if err := deliver(event, send, build); err != nil {
			return err
		}
	}
}

func deliver[T object.Message, R any](event object.Event[T], send func(*R) error, build func(object.Event[T]) *R) error {
	response := build(event)
	if response == nil && event.ResumeToken != "" {
		response = build(object.Event[T]{Checkpoint: true, ResumeToken: event.ResumeToken})
	}
	if response == nil {
		return nil
	}
	return send(response)
}

// Deleted is the message for a deleted object's event; nil for the other events.
func Deleted[T object.Message](event object.Event[T]) *metav1.ObjectDeleted {
	if event.Deleted == nil {
		return nil
	}
	return &metav1.ObjectDeleted{Namespace: event.Deleted.Namespace, Name: event.Deleted.Name}
}
