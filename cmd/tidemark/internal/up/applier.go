// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

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
}

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

// Prune deletes the objects of one kind that the manager brought and the set no longer has, and tells of each. What may be
// in a file that cannot be read stays.
func (a *Applier) Prune(ctx context.Context, kind kinds.Kind, set *manifest.Set, deleted func(kinds.Object)) error {
	stored, err := kind.List(ctx, a.Conn, kinds.Filter{})
	if err != nil {
		return err
	}
	var errs []error
	for _, object := range stored {
		meta := object.GetMetadata()
		if meta.GetManagedBy() != a.Manager || set.MayHold(kind.Noun, meta.GetNamespace(), meta.GetName()) {
			continue
		}
		err := kind.Delete(ctx, a.Conn, meta.GetNamespace(), meta.GetName())
		if err != nil && !errors.Is(err, rpcerr.ErrNotFound) {
			errs = append(errs, err)
			continue
		}
		deleted(object)
	}
	return errors.Join(errs...)
}
