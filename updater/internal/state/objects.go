// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"log/slog"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// Service is the updater's segment of the store's keys.
const Service = "updater"

// Automations is the store of all ImageUpdateAutomation objects.
type Automations = object.Store[*updaterv1.ImageUpdateAutomation]

// Repositories is the store of all GitRepository objects.
type Repositories = object.Store[*updaterv1.GitRepository]

// NewAutomations makes the store of automations in the program's store.
func NewAutomations(st *store.Store, logger *slog.Logger) *Automations {
	return object.NewStore(st.Scoped(Service), object.Kind[*updaterv1.ImageUpdateAutomation]{
		Plural: "imageupdateautomations",
		Noun:   "ImageUpdateAutomation",
		New:    func() *updaterv1.ImageUpdateAutomation { return &updaterv1.ImageUpdateAutomation{} },
	}, object.WithLogger(logger))
}

// NewRepositories makes the store of Git repositories in the program's store.
func NewRepositories(st *store.Store, logger *slog.Logger) *Repositories {
	return object.NewStore(st.Scoped(Service), object.Kind[*updaterv1.GitRepository]{
		Plural: "gitrepositories",
		Noun:   "GitRepository",
		New:    func() *updaterv1.GitRepository { return &updaterv1.GitRepository{} },
	}, object.WithLogger(logger))
}

// AutomationSuspended says whether the automation is not to run: by its spec, or by an operator's word.
func AutomationSuspended(a *updaterv1.ImageUpdateAutomation) bool {
	return a.GetSpec().GetSuspend() || a.GetOverride().GetSuspension() != nil
}

// RepositorySuspended says whether the repository is not to be looked at: by its spec, or by an operator's word.
func RepositorySuspended(r *updaterv1.GitRepository) bool {
	return r.GetSpec().GetSuspend() || r.GetOverride().GetSuspension() != nil
}

// SourceOf returns the key of the GitRepository that the automation refers to.
func SourceOf(a *updaterv1.ImageUpdateAutomation) object.Key {
	ref := a.GetSpec().GetSourceRef()
	own := object.KeyOfMeta(a.GetMetadata()).Namespace
	return object.Key{Namespace: cmp.Or(ref.GetNamespace(), own), Name: ref.GetName()}
}
