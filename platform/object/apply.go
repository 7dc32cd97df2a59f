// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/store"
)

// maxAttempts bounds how often a transaction is tried against other writers of the same object. Each failure is
// another's success, so this many in a row means that something writes in a loop.
const maxAttempts = 100

// ApplyOptions say who applies and how.
type ApplyOptions struct {
	// Manager is kept in managed_by when something changes, and also when nothing does and the object has a
	// resource_version: who names the version has seen who managed it.
	Manager string
	// ValidateOnly answers as if, and stores nothing.
	ValidateOnly bool
}

// Apply creates the object, or replaces its labels, annotations and spec; whatever else the message holds is ignored.
// What is stored so already is not written again, unless the object has a resource_version and another manager. It returns the object as stored. Errors: ErrStale if the object has
// a resource_version and it is not the stored one's; a *rpcerr.Error for a name that cannot be stored;
// store.ErrUnavailable.
func (s *Store[T]) Apply(ctx context.Context, object T, opt ApplyOptions) (T, metav1.ApplyOutcome, error) {
	key := KeyOfMeta(object.GetMetadata())
	if !key.storable() {
		return object, 0, rpcerr.Field("metadata.name", "a name is needed, and neither it nor the namespace may have a slash")
	}
	for range maxAttempts {
		found, err := s.read(ctx, key)
		if err != nil {
			return object, 0, err
		}
		if err := s.checkVersion(object.GetMetadata(), key, found); err != nil {
			return object, 0, err
		}
		wanted, outcome, err := s.wanted(object, key, found, opt.Manager)
		if err != nil || opt.ValidateOnly || outcome == metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED {
			return wanted, outcome, err
		}
		done, err := s.writeSpec(ctx, key, wanted, found)
		if err != nil || done {
			return wanted, outcome, err
		}
	}
	return object, 0, s.contended(key)
}

func (s *Store[T]) contended(key Key) error {
	return fmt.Errorf("%w: %s %s is being written without end by somebody else", store.ErrUnavailable, s.kind.Noun, key)
}

func (s *Store[T]) checkVersion(meta *metav1.ObjectMeta, key Key, found stored[T]) error {
	given := meta.GetResourceVersion()
	switch {
	case given == "" || given == strconv.FormatInt(found.revision, 10):
		return nil
	case !found.exists:
		return fmt.Errorf("%s %s: %w: %s was given, and the object is deleted", s.kind.Noun, key, ErrStale, given)
	default:
		return fmt.Errorf("%s %s: %w: %s was given, and %d is stored", s.kind.Noun, key, ErrStale, given, found.revision)
	}
}

// wanted makes the object that is to be stored.
func (s *Store[T]) wanted(object T, key Key, found stored[T], manager string) (T, metav1.ApplyOutcome, error) {
	object = clone(object)
	meta := &metav1.ObjectMeta{
		Name: key.Name, Namespace: key.Namespace, Labels: object.GetMetadata().GetLabels(),
		Annotations: object.GetMetadata().GetAnnotations(), ManagedBy: manager,
	}
	if !found.exists {
		uid, err := uuid.NewRandom()
		if err != nil {
			return object, 0, fmt.Errorf("making a uid: %w", err)
		}
		meta.Uid, meta.Generation, meta.CreationTimestamp = uid.String(), 1, timestamppb.Now()
		return s.codec.part(meta, s.codec.spec, object), metav1.ApplyOutcome_APPLY_OUTCOME_CREATED, nil
	}
	was := found.object.GetMetadata()
	sameSpec := s.codec.equal(s.codec.spec, object, found.object)
	takesOver := object.GetMetadata().GetResourceVersion() != "" && manager != was.GetManagedBy()
	if sameSpec && !takesOver && maps.Equal(meta.GetLabels(), was.GetLabels()) && maps.Equal(meta.GetAnnotations(), was.GetAnnotations()) {
		return found.object, metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED, nil
	}
	meta.Uid, meta.Generation, meta.CreationTimestamp = was.GetUid(), was.GetGeneration(), was.GetCreationTimestamp()
	meta.ResourceVersion = was.GetResourceVersion()
	if !sameSpec {
		meta.Generation++
	}
	wanted := s.codec.part(meta, s.codec.spec, object)
	s.codec.move(wanted, s.codec.status, found.object)
	s.codec.move(wanted, s.codec.override, found.object)
	return wanted, metav1.ApplyOutcome_APPLY_OUTCOME_CONFIGURED, nil
}

// writeSpec stores the spec if the key is as it was read, and gives the object its new resource version.
func (s *Store[T]) writeSpec(ctx context.Context, key Key, wanted T, found stored[T]) (bool, error) {
	meta := wanted.GetMetadata()
	meta.ResourceVersion = ""
	value, err := s.codec.marshal(s.codec.part(meta, s.codec.spec, wanted))
	if err != nil {
		return false, err
	}
	resp, err := s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(s.Key(specPart, key)), "=", found.revision)).
		Then(clientv3.OpPut(s.Key(specPart, key), value)).
		Commit()
	if err != nil {
		return false, store.Wrap("storing "+s.kind.Noun+" "+key.String(), err)
	}
	meta.ResourceVersion = strconv.FormatInt(resp.Header.GetRevision(), 10)
	return resp.Succeeded, nil
}
