// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package await waits until an object's service has looked at it, and says how that went. It asks again and again: a person
// waits, and for seconds.
package await

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/outcome"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	firstLook = 50 * time.Millisecond
	slowLook  = time.Second
	// patience is how long an object may wait for another one, which may just have been created.
	patience = 5 * time.Second
)

// Thing is what flux calls an object of a kind while one is created: `ImageRepository`, `GitRepository source`.
func Thing(kind kinds.Kind) string {
	if kind.Noun == kinds.GitRepository().Noun {
		return kind.Noun + " source"
	}
	return kind.Noun
}

// Reconciled looks at an object until its service has reconciled it, and says how that went.
func Reconciled(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, o kinds.Object, progress terminal.Progress) error {
	return reconciliation(ctx, conn, kind, kind.Noun, o, progress)
}

// Created is Reconciled for an object that was just created, in flux's words for that.
func Created(ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, o kinds.Object, progress terminal.Progress) error {
	return reconciliation(ctx, conn, kind, Thing(kind), o, progress)
}

func reconciliation(
	ctx context.Context, conn grpc.ClientConnInterface, kind kinds.Kind, thing string, o kinds.Object, progress terminal.Progress,
) error {
	if by := kinds.SuspendedBy(o); by != "" {
		progress.Warning("%s is suspended by %s, so that nothing happens until it is resumed", kind.Noun, by)
		return nil
	}
	progress.Wait("waiting for %s reconciliation", thing)
	namespace, name := o.GetMetadata().GetNamespace(), o.GetMetadata().GetName()
	began := time.Now()
	for pause := firstLook; ; pause = min(pause*2, slowLook) {
		done, err := reconciled(o, time.Since(began) < patience)
		if err != nil {
			return err
		}
		if done {
			sayDone(progress, thing, o)
			return nil
		}
		select {
		case <-ctx.Done():
			return unfinished(ctx, kind, o)
		case <-time.After(pause):
		}
		if o, err = kind.Get(ctx, conn, namespace, name); err != nil {
			return err
		}
	}
}

// unfinished is the error of an object that was waited for too long, with what its service last said of it.
func unfinished(ctx context.Context, kind kinds.Kind, o kinds.Object) error {
	err := fmt.Errorf("%s is stored, but was not reconciled: %w", kind.Noun, context.Cause(ctx))
	if message := kinds.Ready(o).GetMessage(); message != "" {
		return fmt.Errorf("%w; so far: %s", err, message)
	}
	return err
}

func sayDone(progress terminal.Progress, thing string, o kinds.Object) {
	if receiver, ok := o.(*scannerv1.Receiver); ok {
		progress.Success("Receiver %s is ready", receiver.GetMetadata().GetName())
		progress.Success("generated webhook URL %s", receiver.GetStatus().GetWebhookPath())
		return
	}
	progress.Success("%s reconciliation completed", thing)
	progress.Success("%s", outcome.Of(o))
}

// reconciled says whether the object's service has looked at its present spec; the error is the condition's message.
func reconciled(o kinds.Object, patient bool) (bool, error) {
	c := kinds.Ready(o)
	seen := c.GetObservedGeneration()
	if seen != 0 && seen < o.GetMetadata().GetGeneration() {
		return false, nil
	}
	switch c.GetStatus() {
	case metav1.ConditionStatus_CONDITION_STATUS_TRUE:
		return true, nil
	case metav1.ConditionStatus_CONDITION_STATUS_FALSE:
		if patient && c.GetReason() == kinds.DependencyNotReady {
			return false, nil
		}
		return false, errors.New(c.GetMessage())
	default:
		return false, nil
	}
}
