// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/store"
)

var (
	// ErrUnchanged is what a mutate function returns when there is nothing to write. Callers never see it.
	ErrUnchanged = errors.New("nothing to write")
	// ErrConflict says that one of StatusChange.If's comparisons did not hold.
	ErrConflict = errors.New("what the write depends on has changed")
)

// StatusChange is one write of an object's status and of what belongs to it.
type StatusChange[T Message] struct {
	// Mutate changes the status of the object that it is given, which is its own; what it changes elsewhere is lost. It
	// may be called more than once, each time with the object as it is then. ErrUnchanged: write nothing at all.
	Mutate func(T) error
	// If must hold, beside the object's being there. Put compares on keys of Also here.
	If []clientv3.Cmp
	// Also is written in the same transaction, also when the status stays as it is.
	Also []clientv3.Op
}

// UpdateStatus changes the status of the object with that uid (empty: whichever is there), in one transaction with
// also. It returns the object with its new status. A status that stays as it is costs no write. Errors: ErrNotFound if
// the object is deleted or has another uid; mutate's own; store.ErrUnavailable.
func (s *Store[T]) UpdateStatus(ctx context.Context, key Key, uid string, mutate func(T) error, also ...clientv3.Op) (T, error) {
	return s.ChangeStatus(ctx, key, uid, StatusChange[T]{Mutate: mutate, Also: also})
}

// ChangeStatus is UpdateStatus with comparisons of the caller's. Errors: UpdateStatus's, and ErrConflict.
func (s *Store[T]) ChangeStatus(ctx context.Context, key Key, uid string, change StatusChange[T]) (T, error) {
	for range maxAttempts {
		found, err := s.readUID(ctx, key, uid)
		if err != nil {
			return found.object, err
		}
		changed, err := s.mutateStatus(found.object, change.Mutate)
		if errors.Is(err, ErrUnchanged) {
			return found.object, nil
		}
		if err != nil {
			return found.object, err
		}
		if len(change.Also) == 0 && len(change.If) == 0 && s.codec.equal(s.codec.status, found.object, changed) {
			return found.object, nil
		}
		done, err := s.writeStatus(ctx, key, found, changed, change)
		if err != nil || done {
			return changed, err
		}
	}
	var none T
	return none, s.contended(key)
}

func (s *Store[T]) readUID(ctx context.Context, key Key, uid string) (stored[T], error) {
	found, err := s.read(ctx, key)
	if err != nil {
		return found, err
	}
	if !found.exists || (uid != "" && uid != found.object.GetMetadata().GetUid()) {
		return found, s.notFound(key)
	}
	return found, nil
}

// mutateStatus returns a copy of the object with the status that mutate gives it.
func (s *Store[T]) mutateStatus(object T, mutate func(T) error) (T, error) {
	scratch := clone(object)
	if err := mutate(scratch); err != nil {
		return object, err
	}
	changed := clone(object)
	s.codec.move(changed, s.codec.status, scratch)
	return changed, nil
}

func (s *Store[T]) writeStatus(ctx context.Context, key Key, found stored[T], changed T, change StatusChange[T]) (bool, error) {
	unread := []clientv3.Cmp{
		clientv3.Compare(clientv3.CreateRevision(s.Key(specPart, key)), "=", found.created),
		clientv3.Compare(clientv3.ModRevision(s.Key(statusPart, key)), "=", found.status),
	}
	var write []clientv3.Op
	if !s.codec.equal(s.codec.status, found.object, changed) {
		op, err := s.putPart(key, statusPart, s.codec.status, changed)
		if err != nil {
			return false, err
		}
		write = append(write, op)
	}
	resp, err := s.client.Txn(ctx).
		If(append(unread, change.If...)...).
		Then(append(write, change.Also...)...).
		Else(s.readOps(key)...).
		Commit()
	if err != nil {
		return false, store.Wrap("storing the status of "+s.kind.Noun+" "+key.String(), err)
	}
	if resp.Succeeded {
		return true, nil
	}
	now, err := s.stored(resp.Responses)
	if err != nil {
		return false, err
	}
	if now.created == found.created && now.status == found.status {
		return false, fmt.Errorf("%s %s: %w", s.kind.Noun, key, ErrConflict)
	}
	return false, nil
}

// putPart stores the object's uid and one of its fields.
func (s *Store[T]) putPart(key Key, part string, field protoreflect.FieldDescriptor, object T) (clientv3.Op, error) {
	value, err := s.codec.marshal(s.codec.part(&metav1.ObjectMeta{Uid: object.GetMetadata().GetUid()}, field, object))
	return clientv3.OpPut(s.Key(part, key), value), err
}
