// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package get

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// load asks for a view's objects. With an error it still returns those that it found.
func (q query) load(ctx context.Context, shown view) ([]kinds.Object, error) {
	conn, err := q.servers.To(ctx, shown.kind.Service)
	if err != nil {
		return nil, err
	}
	var objects []kinds.Object
	if q.byName() {
		objects, err = q.getEach(ctx, conn, shown)
	} else {
		objects, err = shown.kind.List(ctx, conn, q.filter())
	}
	if err == nil && !q.byName() {
		err = q.missing(shown, objects)
	}
	return slices.DeleteFunc(objects, func(o kinds.Object) bool { return !q.wants(o) }), err
}

// byName: the names and the namespace say all, so there is no need to list.
func (q query) byName() bool {
	return len(q.options.names) > 0 && !q.options.allNamespaces && q.options.labelSelector == ""
}

func (q query) filter() kinds.Filter {
	filter := kinds.Filter{Namespace: q.options.namespace, LabelSelector: q.options.labelSelector}
	if q.options.allNamespaces {
		filter.Namespace = ""
	}
	return filter
}

// wants says whether an object that the service returned is shown.
func (q query) wants(o kinds.Object) bool {
	return q.names(o.GetMetadata().GetName()) && q.options.status.matches(o)
}

func (q query) names(name string) bool {
	return len(q.options.names) == 0 || slices.Contains(q.options.names, name)
}

func (q query) getEach(ctx context.Context, conn grpc.ClientConnInterface, shown view) ([]kinds.Object, error) {
	var found []kinds.Object
	var errs []error
	for _, name := range q.options.names {
		object, err := shown.kind.Get(ctx, conn, q.options.namespace, name)
		switch {
		case errors.Is(err, rpcerr.ErrNotFound):
			errs = append(errs, q.absent(shown, name))
		case err != nil:
			return found, errors.Join(append(errs, err)...)
		default:
			found = append(found, object)
		}
	}
	return found, errors.Join(errs...)
}

// missing is the error of the names that no object has.
func (q query) missing(shown view, found []kinds.Object) error {
	var errs []error
	for _, name := range q.options.names {
		if !slices.ContainsFunc(found, func(o kinds.Object) bool { return o.GetMetadata().GetName() == name }) {
			errs = append(errs, q.absent(shown, name))
		}
	}
	return errors.Join(errs...)
}

func (q query) absent(shown view, name string) error {
	return fmt.Errorf("%s object '%s' not found in %s", shown.kind.Noun, name, q.options.place())
}
