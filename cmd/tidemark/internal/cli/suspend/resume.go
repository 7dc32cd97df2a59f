// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package suspend

import (
	"context"
	"errors"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/await"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// resumed is an object that was woken, and what is needed to see what it does.
type resumed struct {
	target
	// last is an automation's last run before it was woken; nil: none, or no automation.
	last *updaterv1.Run
}

// resumeAll wakes the objects, then shows what each does.
func resumeAll(ctx context.Context, w *work, chosen []target) error {
	var awake []resumed
	for _, t := range chosen {
		if w.which.All && kinds.SuspendedBy(t.Object) == "" && !w.force {
			continue
		}
		woken, err := w.resume(ctx, t)
		switch {
		case errors.Is(err, connection.ErrUnreachable) || ctx.Err() != nil && err != nil:
			return err
		case err != nil:
			w.fail(err)
		case kinds.SuspendedBy(t.Object) == "" && !w.force:
			w.progress.Warning("it was not suspended")
		default:
			awake = append(awake, woken)
		}
	}
	if len(awake) == 0 && w.which.All && !w.failed {
		w.progress.Success("nothing is suspended")
	}
	for _, r := range awake {
		if err := w.show(ctx, r); err != nil {
			if errors.Is(err, connection.ErrUnreachable) || ctx.Err() != nil {
				return err
			}
			w.fail(err)
		}
	}
	return nil
}

func (w *work) resume(ctx context.Context, t target) (resumed, error) {
	w.progress.Action("resuming %s %s in %s namespace", t.Kind.Human, t.Name(), w.which.Namespace)
	r := resumed{target: t}
	var err error
	if t.Kind.Noun == kinds.ImageUpdateAutomation().Noun {
		if r.last, err = lastRun(ctx, t.Conn, w.which.Namespace, t.Name()); err != nil {
			return r, err
		}
	}
	if r.Object, err = t.Kind.Resume(ctx, t.Conn, w.word(t)); err != nil {
		return r, err
	}
	w.progress.Success("%s resumed", t.Kind.Human)
	return r, nil
}

// show shows what a woken object does, as `tidemark reconcile` would.
func (w *work) show(ctx context.Context, r resumed) error {
	switch r.Object.(type) {
	case *scannerv1.Receiver:
		return nil // it acts when it is called
	case *updaterv1.GitRepository:
		return await.Reconciled(ctx, r.Conn, r.Kind, r.Object, w.progress)
	}
	w.progress.Wait("waiting for %s reconciliation", r.Kind.Noun)
	if _, ok := r.Object.(*updaterv1.ImageUpdateAutomation); ok {
		return w.showRun(ctx, r)
	}
	return reconcile.Of(r.Kind)(ctx, r.Conn, reconcile.Target{Namespace: w.which.Namespace, Name: r.Name()}, w.progress)
}
