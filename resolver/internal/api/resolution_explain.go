// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	explained "github.com/tidemark-io/tidemark/resolver/internal/explain"
	"github.com/tidemark-io/tidemark/resolver/internal/follow"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
)

const defaultExplainPage = 1000

// Explain says what became of every tag.
func (s *Resolution) Explain(ctx context.Context, req *resolverv1.ExplainRequest) (*resolverv1.ExplainResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	asked := req.GetRequest()
	compiled, err := s.compile(asked, "request.")
	if err != nil {
		return nil, err
	}
	at, err := parsePlace(req.GetPageToken(), asked)
	if err != nil {
		return nil, err
	}
	explanation, ok := s.explanations.take(at.subject)
	if !ok {
		if explanation, err = s.explain(ctx, asked, compiled, &at); err != nil {
			return nil, tagsError(err, "request.")
		}
	}
	size := int(cmp.Or(req.GetPageSize(), defaultExplainPage))
	resp := &resolverv1.ExplainResponse{
		Verdicts:   explanation.Page(at.offset, size),
		Considered: count(explanation.Considered()), Rejected: count(explanation.Rejected()),
	}
	if at.offset += len(resp.GetVerdicts()); at.offset < explanation.Len() {
		resp.NextPageToken = at.String()
		s.explanations.put(at.subject, explanation)
	}
	return resp, nil
}

// explain makes the explanation that the place is in. A place of a first page becomes one of the tags as they are now;
// one of a later page must be of tags that are still there.
func (s *Resolution) explain(
	ctx context.Context, req *resolverv1.ResolveRequest, p *policy.Policy, at *place,
) (*explained.Explanation, error) {
	in := explained.Input{Policy: p, Request: req}
	if list := req.GetTagList(); list != nil {
		if err := checkTags(list.GetTags(), "request."); err != nil {
			return nil, err
		}
		in.Tags = slices.Values(policy.TagsOf(list.GetTags()))
		return explained.Of(ctx, in)
	}
	set, err := s.stock(ctx, req, p)
	if err != nil {
		return nil, err
	}
	uid, revision := hashOf(set.head.GetUid()), set.head.GetRevision()
	if at.revision == 0 {
		at.uid, at.revision, at.moment = uid, revision, time.Now().UnixNano()
	}
	if at.uid != uid || at.revision != revision {
		return nil, rpcerr.Field("pageToken", "is of tags that have changed since: leave it empty for the first page")
	}
	in.Tags = set.snapshot.Tags()
	question := set.question(req, p)
	question.Now = time.Unix(0, at.moment)
	if in.Decision, err = s.decide(ctx, question); err != nil {
		return nil, err
	}
	// While the scanner is away its last good tags are explained, without those that it alone knows.
	in.Excluded, err = s.source.Excluded(ctx, set.repository)
	if err != nil && !errors.Is(err, follow.ErrUnreachable) {
		return nil, err
	}
	return explained.Of(ctx, in)
}

// decide selects as Resolve does, and tells of what was examined. What could not be known is told of its tag.
func (s *Resolution) decide(ctx context.Context, question selection.Request) (*explained.Decision, error) {
	outcome, err := s.selector.Select(ctx, question)
	d := &explained.Decision{
		Selected: outcome.Tag, Examined: make(map[string]explained.Finding, len(outcome.Examined)),
		Order: outcome.Ordered, All: !question.Requirements.Any(),
	}
	for _, v := range outcome.Examined {
		d.Examined[v.Tag] = explained.Finding{Verdict: verdictOf(v.Stage), Reason: v.Reason}
	}
	if inspect, ok := errors.AsType[*selection.InspectError](err); ok && inspect.Tag != "" {
		d.Examined[inspect.Tag] = explained.Finding{
			Verdict: resolverv1.Verdict_VERDICT_UNKNOWN, Reason: "what had to be known is not told: " + inspect.Error(),
		}
		d.Selected, d.All = "", false
		return d, nil
	}
	if err != nil && !noTag(err) {
		return nil, err
	}
	return d, nil
}

func verdictOf(stage selection.Stage) resolverv1.Verdict {
	switch stage {
	case selection.TooYoung:
		return resolverv1.Verdict_VERDICT_TOO_YOUNG
	case selection.PlatformMissing:
		return resolverv1.Verdict_VERDICT_PLATFORM_MISSING
	case selection.LabelMismatch:
		return resolverv1.Verdict_VERDICT_LABEL_MISMATCH
	case selection.Gone, selection.Passed:
	}
	return resolverv1.Verdict_VERDICT_UNKNOWN
}
