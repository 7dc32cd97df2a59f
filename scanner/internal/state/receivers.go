// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"log/slog"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// Receiver is the stored webhook.
type Receiver = *scannerv1.Receiver

// NewReceivers makes the store of the webhooks in the program's store, which need not be scoped.
func NewReceivers(st *store.Store, logger *slog.Logger) *object.Store[Receiver] {
	return object.NewStore(st.Scoped(Service), object.Kind[Receiver]{
		Plural: "receivers",
		Noun:   "Receiver",
		New:    func() Receiver { return &scannerv1.Receiver{} },
	}, object.WithLogger(logger))
}
