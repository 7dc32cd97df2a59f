// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

// compile checks what the contract's own rules cannot, and compiles the request's policy. The fields' paths get the prefix.
func (s *Resolution) compile(req *resolverv1.ResolveRequest, prefix string) (*policy.Policy, error) {
	violations := spec.CheckRequest(req)
	for i := range violations {
		violations[i].Path = prefix + violations[i].Path
	}
	if err := rpcerr.Fields(violations); err != nil {
		return nil, err
	}
	compiled, err := s.compiled.compile(req.GetPolicy(), req.GetFilterTags())
	if err != nil {
		return nil, explain(err, prefix)
	}
	return compiled, nil
}

func wantsDigest(req *resolverv1.ResolveRequest) bool {
	switch req.GetDigestReflectionPolicy() {
	case resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT,
		resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS:
		return true
	case resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_UNSPECIFIED,
		resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_NEVER:
	}
	return false
}

// repositoryOf is the stored repository that a request names.
func repositoryOf(req *resolverv1.ResolveRequest) object.Key {
	ref := req.GetImageRepositoryRef()
	return object.KeyOf(ref.GetNamespace(), ref.GetName())
}

// tagsOf are the stored tags that a request is about. Errors: package follow's, the context's.
func (s *Resolution) tagsOf(ctx context.Context, req *resolverv1.ResolveRequest) (*follow.Tags, error) {
	if s.source == nil {
		return nil, follow.ErrAbsent
	}
	return s.source.Tags(ctx, repositoryOf(req))
}

// stock is the tags of one revision, and whose they are.
type stock struct {
	repository object.Key
	tags       *follow.Tags
	head       *scannerv1.TagSetHead
	snapshot   *tagindex.Snapshot
}

// stock finds a request's tags in the order of its policy. Errors: package follow's, the context's.
func (s *Resolution) stock(ctx context.Context, req *resolverv1.ResolveRequest, p *policy.Policy) (stock, error) {
	tags, err := s.tagsOf(ctx, req)
	if err != nil {
		return stock{}, err
	}
	head, snapshot, err := tags.Prepare(ctx, p)
	return stock{repository: repositoryOf(req), tags: tags, head: head, snapshot: snapshot}, err
}

// question is what the request asks about the tags.
func (s stock) question(req *resolverv1.ResolveRequest, p *policy.Policy) selection.Request {
	return selection.Request{
		Snapshot: s.snapshot, Policy: p, Requirements: spec.Requirements(req), Subject: s.subject(), Now: time.Now(),
	}
}

func (s stock) subject() facts.Subject {
	return facts.Subject{
		Repository: s.repository, UID: s.head.GetUid(), Namespace: s.repository.Namespace,
		Revision: s.head.GetRevision(), MovedAt: s.tags.MovedAt,
	}
}

// addDigest completes a reference where the request asks for that.
func (s *Resolution) addDigest(ctx context.Context, req *resolverv1.ResolveRequest, ref *resolverv1.ImageRef) error {
	if !wantsDigest(req) {
		return nil
	}
	repository := repositoryOf(req)
	digest, err := s.source.Digest(ctx, repository, ref.GetTag(), repository.Namespace)
	if err != nil {
		return explainRegistry(fmt.Errorf("failed to read the digest of %s:%s: %w", ref.GetName(), ref.GetTag(), err))
	}
	ref.Digest = digest
	return nil
}

// noTag says that the policy has no answer, which is none of the registry's or the scanner's failures.
func noTag(err error) bool {
	return errors.Is(err, policy.ErrNoTags) || errors.Is(err, policy.ErrNoneEligible) || errors.Is(err, selection.ErrTooMany)
}

// selectionError gives a selection's error its form on the wire.
func selectionError(outcome selection.Outcome, err error) error {
	if noTag(err) {
		return rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED,
			"%w: of %d tags the filter leaves out %d, %d are not parsable, and %d are out of range",
			err, outcome.Considered, outcome.Filtered, outcome.Unparsed, outcome.OutOfRange)
	}
	return tagsError(err, "")
}

// tagsError gives an error of the tags its form on the wire, for a caller who has named the repository.
func tagsError(err error, prefix string) error {
	if errors.Is(err, follow.ErrAbsent) {
		return rpcerr.New(codes.NotFound, metav1.ErrorReason_ERROR_REASON_OBJECT_NOT_FOUND, "%w", err)
	}
	return explain(err, prefix)
}
