// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package suspend

import (
	"context"
	"errors"
	"slices"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/chosen"
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
type target = chosen.Object

// word is what the operator says about the target.
func (w *work) word(t target) kinds.Word {
	return kinds.Word{Namespace: w.which.Namespace, Name: t.Name(), Reason: w.reason, Actor: w.actor, Force: w.force}
}

// choose finds the objects that are meant, in the order of the kinds. A name that no object has is reported; without any
// object it is the error.
func (w *work) choose(ctx context.Context, of []kinds.Kind, names []string) ([]target, error) {
	found, absent, err := w.which.Find(ctx, w.servers, of, names)
	for _, each := range absent {
		w.fail(each)
	}
	return found, err
}

// fail shows what is wrong with one object; the others are acted on all the same.
func (w *work) fail(err error) {
	w.failed = true
	w.progress.Errors(err)
}

// suspendAll lets the objects rest, against the direction of the data: what writes first.
func suspendAll(ctx context.Context, w *work, chosen []target) error {
	for _, t := range slices.Backward(chosen) {
		if by := t.Object.GetOverride().GetSuspension(); by != nil && (w.which.All || w.which.LabelSelector != "") {
			// That one's reason is not to be lost, nor their object woken by our `resume --all`.
			w.progress.Warning("%s %s is left alone: it is suspended by %s already", t.Kind.Human, t.Name(), kinds.SuspendedBy(t.Object))
			continue
		}
		w.progress.Action("suspending %s %s in %s namespace", t.Kind.Human, t.Name(), w.which.Namespace)
		_, err := t.Kind.Suspend(ctx, t.Conn, w.word(t))
		switch {
		case errors.Is(err, connection.ErrUnreachable) || ctx.Err() != nil && err != nil:
			return err
		case err != nil:
			w.fail(err)
		default:
			w.progress.Success("%s suspended", t.Kind.Human)
		}
	}
	return nil
}
