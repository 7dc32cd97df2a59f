// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"errors"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/store"
)

// Delete removes the object, its status, override and attachments, and does also, in one transaction. Errors:
// ErrNotFound, store.ErrUnavailable.
func (s *Store[T]) Delete(ctx context.Context, key Key, also ...clientv3.Op) error {
	if !key.storable() {
		return s.notFound(key)
	}
	ops := make([]clientv3.Op, 0, 3+len(s.opts.attachments)+len(also))
	for _, part := range append([]string{specPart, statusPart, overridePart}, s.opts.attachments...) {
		ops = append(ops, clientv3.OpDelete(s.Key(part, key)))
	}
	resp, err := s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(s.Key(specPart, key)), ">", 0)).
		Then(append(ops, also...)...).
		Commit()
	if err != nil {
		return store.Wrap("deleting "+s.kind.Noun+" "+key.String(), err)
	}
	if !resp.Succeeded {
		return s.notFound(key)
	}
	return nil
}

// SetOverride stores an operator's word about the object; nil or empty takes it back. It returns the object with it.
// Errors: ErrNotFound, store.ErrUnavailable.
func (s *Store[T]) SetOverride(ctx context.Context, key Key, override *metav1.Override) (T, error) {
	return s.ChangeOverride(ctx, key, "", func(*metav1.Override) (*metav1.Override, error) { return override, nil })
}

// ChangeOverride stores what mutate makes of an operator's word about the object with that uid (empty: whichever is there);
// nil or empty takes it back. Mutate may be called more than once, each time with the override as it is then, which is its
// own; never nil. ErrUnchanged: write nothing. It returns the object with its override. Errors: ErrNotFound, mutate's own,
// store.ErrUnavailable.
func (s *Store[T]) ChangeOverride(
	ctx context.Context, key Key, uid string, mutate func(*metav1.Override) (*metav1.Override, error),
) (T, error) {
	for range maxAttempts {
		found, err := s.readUID(ctx, key, uid)
		if err != nil {
			return found.object, err
		}
		before := &metav1.Override{}
		if found.object.GetOverride() != nil {
			before = proto.CloneOf(found.object.GetOverride())
		}
		override, err := mutate(before)
		if errors.Is(err, ErrUnchanged) {
			return found.object, nil
		}
		if err != nil {
			return found.object, err
		}
		changed := found.object
		if proto.Size(override) == 0 {
			changed.ProtoReflect().Clear(s.codec.override)
		} else {
			changed.ProtoReflect().Set(s.codec.override, protoreflect.ValueOfMessage(proto.CloneOf(override).ProtoReflect()))
		}
		done, err := s.writeOverride(ctx, key, found, changed)
		if err != nil || done {
			return changed, err
		}
	}
	var none T
	return none, s.contended(key)
}

func (s *Store[T]) writeOverride(ctx context.Context, key Key, found stored[T], changed T) (bool, error) {
	write := clientv3.OpDelete(s.Key(overridePart, key))
	if changed.GetOverride() != nil {
		var err error
		if write, err = s.putPart(key, overridePart, s.codec.override, changed); err != nil {
			return false, err
		}
	}
	resp, err := s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(s.Key(specPart, key)), "=", found.created),
			clientv3.Compare(clientv3.ModRevision(s.Key(overridePart, key)), "=", found.override)).
		Then(write).
		Commit()
	if err != nil {
		return false, store.Wrap("storing the override of "+s.kind.Noun+" "+key.String(), err)
	}
	return resp.Succeeded, nil
}
