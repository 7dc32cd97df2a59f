// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

const (
	defaultPage = 50
	maxPage     = 100
	// maxPageBytes bounds a page, so that it fits into a message: it ends with the record that reaches it.
	maxPageBytes = 16 << 20
)

// Page returns the newest records of an automation that come after the token's, the newest first, and the token of the rest:
// empty where there is none. Outcomes: only runs that ended so; empty: all. Size: 1 to 100, zero means 50; a page of 16 MiB
// ends earlier. The token is a run's id, which need not be recorded any longer. Errors: store.ErrUnavailable.
func (r *Runs) Page(
	ctx context.Context, automation object.Key, outcomes []updaterv1.RunOutcome, size int, token string,
) ([]*updaterv1.Run, string, error) {
	entries, err := r.index(ctx, automation)
	if err != nil {
		return nil, "", err
	}
	var ids []string
	for _, e := range slices.Backward(entries) {
		after := token == "" || e.id < token
		if after && (len(outcomes) == 0 || slices.Contains(outcomes, e.head.GetOutcome())) {
			ids = append(ids, e.id)
		}
	}
	if size <= 0 {
		size = defaultPage
	}
	return r.page(ctx, automation, ids, min(size, maxPage))
}

func (r *Runs) page(ctx context.Context, key object.Key, ids []string, size int) ([]*updaterv1.Run, string, error) {
	var page []*updaterv1.Run
	bytes := 0
	for len(ids) > 0 {
		n := min(len(ids), readAtOnce, size-len(page))
		runs, err := r.read(ctx, key, ids[:n])
		if err != nil {
			return nil, "", err
		}
		last := ids[n-1]
		ids = ids[n:]
		for _, run := range runs {
			bytes += proto.Size(run)
		}
		page = append(page, runs...)
		if len(ids) > 0 && (len(page) >= size || bytes >= maxPageBytes) {
			return page, last, nil
		}
	}
	return page, "", nil
}

// cut returns the beginning of a text, as valid UTF-8.
func cut(text string, bytes int) string { return strings.ToValidUTF8(text[:bytes], "") }
