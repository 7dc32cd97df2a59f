// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
)

// The reasons of a policy's conditions, as Flux has them.
const (
	ReasonSucceeded           = "Succeeded"
	ReasonFailure             = "Failure"
	ReasonInvalidPolicy       = "InvalidPolicy"
	ReasonDependencyNotReady  = "DependencyNotReady"
	ReasonAccessDenied        = "AccessDenied"
	ReasonReadOperationFailed = "ReadOperationFailed"
)

// answer is what one evaluation has found.
type answer struct {
	// uid and generation are the policy's that was evaluated.
	uid        string
	generation int64
	// head is of the tags that were looked at; nil: there were none to look at.
	head *scannerv1.TagSetHead
	// ref is the answer; nil where err says why there is none.
	ref      *resolverv1.ImageRef
	warnings []string
	err      error
	// hold is the policy's as it was evaluated, held is the same while it is in force; nil: none.
	hold, held *metav1.Hold
	// chosen is how ref was found.
	chosen selection.Outcome
	// span is nil where nothing new was found.
	span trace.Span
}

func (a *answer) context(ctx context.Context) context.Context {
	if a.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, a.span)
}

func (a *answer) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("tidemark.image", a.ref.GetName()),
		attribute.String("tidemark.tag", a.ref.GetTag()),
		attribute.Int64("tidemark.tag_set_revision", a.head.GetRevision()),
	}
}

func (a *answer) endSpan() {
	if a.span == nil {
		return
	}
	if a.err != nil {
		a.span.SetStatus(otelcodes.Error, rpcerr.Sentence(a.err))
	}
	a.span.End()
}

// store writes the answer into the policy's status, unless what is there is newer or the same.
func (r *Reconciler) store(ctx context.Context, p *resolverv1.ImagePolicy, a *answer) (*resolverv1.ImagePolicy, error) {
	key := object.KeyOfMeta(p.GetMetadata())
	before := p.GetStatus().GetLatestRef()
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	stored, err := r.policies.UpdateStatus(ctx, key, a.uid, func(p *resolverv1.ImagePolicy) error {
		return a.record(ctx, p, time.Now())
	})
	if err != nil {
		return nil, fmt.Errorf("storing the answer of ImagePolicy %s: %w", key, err)
	}
	if ref := stored.GetStatus().GetLatestRef(); !proto.Equal(before, ref) {
		r.logger.InfoContext(ctx, "a policy has a new answer", "policy", key.String(), "image", refString(ref),
			"before", refString(before), "tagSetRevision", stored.GetStatus().GetTagSetRevision())
	}
	return stored, nil
}

// record makes the policy's status the answer's. It changes nothing that was computed from a later spec or later tags.
func (a *answer) record(ctx context.Context, p *resolverv1.ImagePolicy, now time.Time) error {
	outdated := a.outdated(p.GetStatus())
	if p.GetMetadata().GetGeneration() != a.generation || !proto.Equal(p.GetOverride().GetHold(), a.hold) || outdated && a.held == nil {
		return object.ErrUnchanged
	}
	if p.Status == nil {
		p.Status = &resolverv1.ImagePolicyStatus{}
	}
	status := p.GetStatus()
	status.ObservedGeneration = a.generation
	status.Warnings = a.warnings
	status.NextEvaluationTime = nil
	if !a.chosen.Next.IsZero() {
		status.NextEvaluationTime = timestamppb.New(a.chosen.Next)
	}
	if a.head != nil && !outdated { // what is held depends on no tag set
		status.ImageRepositoryUid, status.TagSetRevision = a.head.GetUid(), a.head.GetRevision()
	}
	if a.err == nil {
		a.recordSuccess(ctx, status, now)
	} else {
		a.recordFailure(status, now)
	}
	return nil
}

func (a *answer) recordSuccess(ctx context.Context, status *resolverv1.ImagePolicyStatus, now time.Time) {
	if !proto.Equal(status.GetLatestRef(), a.ref) {
		if status.GetLatestRef() != nil {
			status.ObservedPreviousRef = status.GetLatestRef()
		}
		status.LatestRef, status.LatestImage = a.ref, refString(a.ref)
		status.Trace = telemetry.Inject(ctx)
	}
	status.AgeClock = spec.AgeClock(a.chosen.Clock)
	message := readyMessage(status)
	if a.held != nil {
		message += " (" + heldBy(a.held) + ")"
	}
	conditions.MarkReady(&status.Conditions, a.generation, ReasonSucceeded, message, now)
}

// outdated says that the status was computed from later tags of the same repository.
func (a *answer) outdated(status *resolverv1.ImagePolicyStatus) bool {
	return a.head != nil && status.GetImageRepositoryUid() == a.head.GetUid() &&
		status.GetTagSetRevision() > a.head.GetRevision()
}

func (a *answer) recordFailure(status *resolverv1.ImagePolicyStatus, now time.Time) {
	reason, sentence := explain(a.err)
	if reason == ReasonInvalidPolicy {
		conditions.MarkStalled(&status.Conditions, a.generation, reason, sentence, now)
		return
	}
	conditions.MarkNotReady(&status.Conditions, a.generation, reason, sentence, now)
}

// explain gives an error its reason and its sentence.
func explain(err error) (reason, sentence string) {
	if invalid, ok := errors.AsType[*policy.FieldError](err); ok {
		return ReasonInvalidPolicy, "invalid policy: " + invalid.Reason
	}
	if stacked, ok := errors.AsType[*lifecycle.PanicError](err); ok {
		return ReasonFailure, "internal error, a defect of ours: " + stacked.Error() + "; the log has more"
	}
	if digest, ok := errors.AsType[*DigestError](err); ok {
		return ReasonReadOperationFailed, fmt.Sprintf("failed to read the digest of %s: %s", digest.Image, rpcerr.Sentence(digest.err))
	}
	if unread, ok := errors.AsType[*selection.InspectError](err); ok {
		return ReasonReadOperationFailed, unread.Sentence(rpcerr.Sentence(errors.Unwrap(unread)))
	}
	switch {
	case errors.Is(err, errHeldGone):
		return ReasonFailure, strings.TrimPrefix(err.Error(), errHeldGone.Error()+": ")
	case errors.Is(err, follow.ErrDenied):
		return ReasonAccessDenied, err.Error()
	case errors.Is(err, follow.ErrAbsent), errors.Is(err, follow.ErrNotScanned), errors.Is(err, follow.ErrUnreachable):
		return ReasonDependencyNotReady, err.Error()
	}
	return ReasonFailure, err.Error()
}

// retriable says whether trying again may help though nothing else has changed.
func retriable(err error) bool {
	if err == nil {
		return false
	}
	reason, _ := explain(err)
	final := errors.Is(err, policy.ErrNoTags) || errors.Is(err, policy.ErrNoneEligible) || errors.Is(err, object.ErrNotFound) ||
		errors.Is(err, selection.ErrTooMany) || errors.Is(err, errHeldGone)
	return reason == ReasonReadOperationFailed || reason == ReasonFailure && !final
}

// readyMessage has Flux's words.
func readyMessage(status *resolverv1.ImagePolicyStatus) string {
	ref, previous := status.GetLatestRef(), status.GetObservedPreviousRef()
	message := fmt.Sprintf("Latest image tag for %s resolved to %s", ref.GetName(), ref.GetTag())
	if ref.GetDigest() != "" {
		message += " with digest " + ref.GetDigest()
	}
	if previous != nil && !proto.Equal(previous, ref) {
		message += " (previously " + refString(previous) + ")"
	}
	return message
}

// refString writes `name:tag[@digest]`; nothing of nil.
func refString(ref *resolverv1.ImageRef) string {
	if ref == nil {
		return ""
	}
	text := ref.GetName() + ":" + ref.GetTag()
	if ref.GetDigest() != "" {
		text += "@" + ref.GetDigest()
	}
	return text
}

// warningsOf tells of tags that a numerical policy could not read; of a version policy such tags are usual.
func warningsOf(p *resolverv1.ImagePolicy, result policy.Result) []string {
	if result.Unparsed == 0 || p.GetSpec().GetPolicy().GetNumerical() == nil {
		return nil
	}
	quoted := make([]string, len(result.Unparsable))
	for i, tag := range result.Unparsable {
		quoted[i] = "'" + tag + "'"
	}
	sentence := fmt.Sprintf("%d of %d tags are no decimal number and were skipped: %s",
		result.Unparsed, result.Considered, strings.Join(quoted, ", "))
	if result.Unparsed > len(quoted) {
		sentence += ", …"
	}
	return []string{sentence}
}
