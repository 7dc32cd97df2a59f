// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// Applier makes what is stored as a set of manifests says.
type Applier struct {
	Conn grpc.ClientConnInterface
	// Manager is who the objects are managed by. What others manage is never deleted.
	Manager string
	// Former are managers whose objects are this one's as well: what it was called before.
	Former []string
}

// errElsewhere says that another source of manifests has the object.
var errElsewhere = errors.New("another source of manifests has the object")

// Apply sends one object. Errors: the service's, which [kinds.Refusal] shows at the manifest's lines where it is about
// fields.
func (a *Applier) Apply(ctx context.Context, o *manifest.Object) (kinds.Object, metav1.ApplyOutcome, error) {
	kind, err := kinds.Of(o.Message)
	if err != nil {
		return nil, 0, err
	}
	object, ok := o.Message.(kinds.Object)
	if !ok {
		return nil, 0, fmt.Errorf("%s is no object", o)
	}
	return kind.Apply(ctx, a.Conn, object, a.Manager)
}

// Settle makes an object as its manifest says and the manager's own, given what was stored a moment ago (nil: nothing).
// What is so already costs no call. Errors: errElsewhere; the service's, one of which says that the object has changed
// since.
func (a *Applier) Settle(ctx context.Context, kind kinds.Kind, o *manifest.Object, stored kinds.Object) (metav1.ApplyOutcome, error) {
	object, ok := o.Message.(kinds.Object)
	if !ok {
		return 0, fmt.Errorf("%s is no object", o)
	}
	if stored != nil {
		switch by := stored.GetMetadata().GetManagedBy(); {
		case kinds.ManagedBy(stored, kinds.WayManifests) && !a.owns(stored):
			return 0, fmt.Errorf("%w: %s and %s", errElsewhere, by, a.Manager)
		case by == a.Manager && same(object, stored):
			return metav1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED, nil
		}
		// With the version that was seen, so that nobody's later word is undone, and a manager is replaced knowingly.
		var copied bool
		if object, copied = proto.Clone(object).(kinds.Object); !copied {
			return 0, fmt.Errorf("%s is no object", o)
		}
		object.GetMetadata().ResourceVersion = stored.GetMetadata().GetResourceVersion()
	}
	_, outcome, err := kind.Apply(ctx, a.Conn, object, a.Manager)
	return outcome, err
}

// owns says whether an object is the manager's, under this or a former name.
func (a *Applier) owns(o kinds.Object) bool {
	by := o.GetMetadata().GetManagedBy()
	return by == a.Manager || slices.Contains(a.Former, by)
}

// same says whether an object is stored as it is wanted.
func same(wanted, stored kinds.Object) bool {
	return maps.Equal(wanted.GetMetadata().GetLabels(), stored.GetMetadata().GetLabels()) &&
		maps.Equal(wanted.GetMetadata().GetAnnotations(), stored.GetMetadata().GetAnnotations()) &&
		sameSpec(wanted, stored)
}

func sameSpec(wanted, stored kinds.Object) bool {
	a, b := wanted.ProtoReflect(), stored.ProtoReflect()
	spec := a.Descriptor().Fields().ByName("spec")
	if spec == nil || a.Descriptor() != b.Descriptor() {
		return false
	}
	return a.Has(spec) == b.Has(spec) && proto.Equal(a.Get(spec).Message().Interface(), b.Get(spec).Message().Interface())
}

// Obsolete are those of the stored objects that the manager brought and the set no longer has. What may be in a file that
// cannot be read is not among them.
func (a *Applier) Obsolete(kind kinds.Kind, stored []kinds.Object, set *manifest.Set) []kinds.Object {
	if len(stored) == 0 {
		return nil
	}
	held := holder(kind, set)
	var all []kinds.Object
	for _, object := range stored {
		if a.owns(object) && !held(object) {
			all = append(all, object)
		}
	}
	return all
}

// holder is manifest.Set.MayHold for many objects of one kind.
func holder(kind kinds.Kind, set *manifest.Set) func(kinds.Object) bool {
	present := map[[2]string]bool{}
	for _, o := range set.Objects {
		if o.Kind == kind.Noun {
			present[[2]string{o.Namespace, o.Name}] = true
		}
	}
	mistakes := &manifest.Set{Errors: set.Errors}
	return func(o kinds.Object) bool {
		meta := o.GetMetadata()
		return present[[2]string{meta.GetNamespace(), meta.GetName()}] || mistakes.MayHold(kind.Noun, meta.GetNamespace(), meta.GetName())
	}
}

// Delete deletes an object that is still the manager's; false: it is somebody else's by now, or gone.
func (a *Applier) Delete(ctx context.Context, kind kinds.Kind, object kinds.Object) (bool, error) {
	meta := object.GetMetadata()
	current, err := kind.Get(ctx, a.Conn, meta.GetNamespace(), meta.GetName())
	switch {
	case errors.Is(err, rpcerr.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !a.owns(current) || current.GetMetadata().GetUid() != meta.GetUid():
		return false, nil
	}
	err = kind.Delete(ctx, a.Conn, meta.GetNamespace(), meta.GetName())
	if errors.Is(err, rpcerr.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Prune deletes the objects of one kind that the manager brought and the set no longer has, and tells of each. What may be
// in a file that cannot be read stays.
func (a *Applier) Prune(ctx context.Context, kind kinds.Kind, set *manifest.Set, deleted func(kinds.Object)) error {
	stored, err := kind.List(ctx, a.Conn, kinds.Filter{})
	if err != nil {
		return err
	}
	var errs []error
	for _, object := range a.Obsolete(kind, stored, set) {
		gone, err := a.Delete(ctx, kind, object)
		if err != nil {
			errs = append(errs, err)
		}
		if gone {
			deleted(object)
		}
	}
	return errors.Join(errs...)
}
