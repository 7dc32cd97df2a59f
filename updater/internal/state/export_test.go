// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"slices"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// Newest returns all records of an automation, however many, the newest first.
func (r *Runs) Newest(ctx context.Context, automation object.Key) ([]*updaterv1.Run, error) {
	entries, err := r.index(ctx, automation)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(entries))
	for _, e := range slices.Backward(entries) {
		ids = append(ids, e.id)
	}
	return r.read(ctx, automation, ids)
}
