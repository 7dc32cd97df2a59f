// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package suspend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// work is one run of a verb.
type work struct {
	*verb
	actor    string
	progress terminal.Progress
	failed   bool
}

// target is an object that is acted on, as it was before.
type target struct {
	kind   kinds.Kind
	conn   grpc.ClientConnInterface
	object kinds.Object
}

func (t target) name() string { return t.object.GetMetadata().GetName() }

// word is what the operator says about the target.
func (w *work) word(t target) kinds.Word {
	return kinds.Word{Namespace: w.namespace, Name: t.name(), Reason: w.reason, Actor: w.actor, Force: w.force}
}

// choose finds the objects that are meant, in the order of the kinds. A name that no object has is reported; without any
// object it is the error.
func (w *work) choose(ctx context.Context, of []kinds.Kind, names []string) ([]target, error) {
	var chosen []target
	for _, kind := range of {
		conn, err := w.servers.To(ctx, kind.Service)
		if err != nil {
			return nil, err
		}
		var found []kinds.Object
		if len(names) > 0 {
			found, err = named(ctx, conn, kind, w.namespace, names)
		} else {
			found, err = kind.List(ctx, conn, kinds.Filter{Namespace: w.namespace, LabelSelector: w.labelSelector})
		}
		if err != nil {
			return nil, err
		}
		for _, object := range found {
			chosen = append(chosen, target{kind: kind, conn: conn, object: object})
		}
	}
	nouns := make([]string, len(of))
	for i, kind := range of {
		nouns[i] = kind.Noun
	}
	if len(names) == 0 && len(chosen) == 0 {
		return nil, fmt.Errorf("no %s objects found in %q namespace", strings.Join(nouns, ", "), w.namespace)
	}
	for _, name := range names {
		if !slices.ContainsFunc(chosen, func(t target) bool { return t.name() == name }) {
			w.fail(fmt.Errorf("%s object '%s' not found in %q namespace", strings.Join(nouns, ", "), name, w.namespace))
		}
	}
	return chosen, nil
}

func named(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, namespace string, names []string) ([]kinds.Object, error) {
	var found []kinds.Object
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		object, err := kind.Get(ctx, conn, namespace, name)
		switch {
		case errors.Is(err, rpcerr.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			found = append(found, object)
		}
	}
	return found, nil
}

// fail shows what is wrong with one object; the others are acted on all the same.
func (w *work) fail(err error) {
	w.failed = true
	w.progress.Errors(err)
}

// suspendAll lets the objects rest, against the direction of the data: what writes first.
func suspendAll(ctx context.Context, w *work, chosen []target) error {
	for _, t := range slices.Backward(chosen) {
		if by := t.object.GetOverride().GetSuspension(); by != nil && (w.all || w.labelSelector != "") {
			// That one's reason is not to be lost, nor their object woken by our `resume --all`.
			w.progress.Warning("%s %s is left alone: it is suspended by %s already", t.kind.Human, t.name(), kinds.SuspendedBy(t.object))
			continue
		}
		w.progress.Action("suspending %s %s in %s namespace", t.kind.Human, t.name(), w.namespace)
		_, err := t.kind.Suspend(ctx, t.conn, w.word(t))
		switch {
		case errors.Is(err, connection.ErrUnreachable) || ctx.Err() != nil && err != nil:
			return err
		case err != nil:
			w.fail(err)
		default:
			w.progress.Success("%s suspended", t.kind.Human)
		}
	}
	return nil
}
