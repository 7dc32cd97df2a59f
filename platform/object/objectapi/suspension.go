// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package objectapi

import (
	"cmp"
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// DefaultActor is by whose word an override is when a request does not say.
const DefaultActor = "api"

// SuspendRequest is what the kinds' Suspend requests have in common.
type SuspendRequest interface {
	Named
	GetActor() string
	GetReason() string
}

// Suspend makes the object rest by an operator's word, and returns it. The same word again changes nothing, not even its
// time; another one replaces it. Errors: object.ErrNotFound, store.ErrUnavailable.
func Suspend[T object.Message](ctx context.Context, store *object.Store[T], req SuspendRequest) (T, error) {
	actor := cmp.Or(req.GetActor(), DefaultActor)
	return store.ChangeOverride(ctx, Key(req), "", func(o *metav1.Override) (*metav1.Override, error) {
		if s := o.GetSuspension(); s != nil && s.GetActor() == actor && s.GetReason() == req.GetReason() {
			return nil, object.ErrUnchanged
		}
		o.Suspension = &metav1.Suspension{Actor: actor, Time: timestamppb.Now(), Reason: req.GetReason()}
		return o, nil
	})
}

// Resume takes an operator's suspension back, changes the override further as also says, and returns the object. One that
// nobody suspended stays as it is. Errors: object.ErrNotFound, store.ErrUnavailable; FAILED_PRECONDITION / SUSPENDED where
// the spec suspends the object as well: the operator's word is taken back all the same.
func Resume[T object.Message](
	ctx context.Context, store *object.Store[T], req Named, also ...func(*metav1.Override),
) (T, error) {
	resumed, err := store.ChangeOverride(ctx, Key(req), "", func(o *metav1.Override) (*metav1.Override, error) {
		before := proto.CloneOf(o)
		o.Suspension = nil
		for _, change := range also {
			change(o)
		}
		if proto.Equal(before, o) {
			return nil, object.ErrUnchanged
		}
		return o, nil
	})
	if err == nil && specSuspends(resumed) {
		err = staysSuspended(resumed)
	}
	return resumed, err
}

// specSuspends reads spec.suspend, which all kinds have.
func specSuspends(o object.Message) bool {
	m := o.ProtoReflect()
	spec := m.Descriptor().Fields().ByName("spec")
	suspend := spec.Message().Fields().ByName("suspend")
	return suspend != nil && m.Get(spec).Message().Get(suspend).Bool()
}

func staysSuspended(o object.Message) error {
	return rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_SUSPENDED,
		"%s '%s' stays suspended, for its spec says `suspend: true` as well; it is managed by '%s': take `suspend` out there, and apply it",
		o.ProtoReflect().Descriptor().Name(), object.KeyOfMeta(o.GetMetadata()), o.GetMetadata().GetManagedBy())
}
