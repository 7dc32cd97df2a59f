// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package state says where the resolver keeps what it stores: policies, and what they remember. Tags are the scanner's; the
// indexes over them are made anew from its streams at each start.
//
//	<prefix>/resolver/imagepolicies/spec/<namespace>/<name>      what the user wants
//	<prefix>/resolver/imagepolicies/status/<namespace>/<name>    what was selected
//	<prefix>/resolver/imagepolicies/override/<namespace>/<name>  an operator's word
//	<prefix>/resolver/sights/<namespace>/<name>                  the digests that a policy with a minimum age has seen, JSON
//	<prefix>/resolver/members/<id>                               the replicas; see platform/shard
package state

import (
	"log/slog"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// Service is the resolver's segment of the store's keys.
const Service = "resolver"

// Policies is the store of all ImagePolicy objects.
type Policies = object.Store[*resolverv1.ImagePolicy]

// NewPolicies makes the store of policies in the program's store.
func NewPolicies(st *store.Store, logger *slog.Logger) *Policies {
	return object.NewStore(st.Scoped(Service), object.Kind[*resolverv1.ImagePolicy]{
		Plural: "imagepolicies",
		Noun:   "ImagePolicy",
		New:    func() *resolverv1.ImagePolicy { return &resolverv1.ImagePolicy{} },
	}, object.WithLogger(logger))
}

// Suspended says whether the policy is not to be evaluated: by its spec, or by an operator's word.
func Suspended(policy *resolverv1.ImagePolicy) bool {
	return policy.GetSpec().GetSuspend() || policy.GetOverride().GetSuspension() != nil
}

// RepositoryOf returns the key of the ImageRepository that the policy refers to.
func RepositoryOf(policy *resolverv1.ImagePolicy) object.Key {
	ref := policy.GetSpec().GetImageRepositoryRef()
	if ref.GetNamespace() != "" {
		return object.Key{Namespace: ref.GetNamespace(), Name: ref.GetName()}
	}
	return object.Key{Namespace: object.KeyOfMeta(policy.GetMetadata()).Namespace, Name: ref.GetName()}
}
