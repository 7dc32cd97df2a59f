// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// heldVerdict is the verdict of a policy that an operator holds at the tag.
const heldVerdict = "HELD"

// notListed is the verdict on a tag that the repository does not have.
const notListed = "NOT_LISTED"

// examined is how many of the best tags are looked at where more than names decides.
const examined = 1000

// verdict is what a policy says of a tag. The tag is compared with the one that the policy says now, so that it costs the
// same however many tags there are; only where age, platforms or labels decide the best of all are asked for.
//
// facts waits for what is known of the tag.
func (s *services) verdict(ctx context.Context, p *resolverv1.ImagePolicy, tag string, facts func() tagFacts) (verdict, error) {
	v := verdict{Policy: nameOf(p), Selected: p.GetStatus().GetLatestRef().GetTag(), Hold: holdOf(p)}
	problem := notReady(p)
	if tag == "" {
		v.Verdict, v.Reason = "NONE", problem
		if problem == "" {
			v.Reason = "it has not chosen a tag yet"
		}
		return v, nil
	}
	err := s.judge(ctx, p, tag, &v, facts)
	switch {
	case says(err) && problem != "":
		v.Verdict, v.Reason, err = verdictName(resolverv1.Verdict_VERDICT_UNKNOWN), problem, nil
	case err != nil:
		v.Verdict, v.Reason = verdictName(resolverv1.Verdict_VERDICT_UNKNOWN), rpcerr.Sentence(err)
	}
	if facts().Excluded {
		v.Verdict, v.Reason = verdictName(resolverv1.Verdict_VERDICT_EXCLUDED), "the repository's exclusion list leaves it out"
	}
	switch {
	case v.Hold != "" && activeHold(p).GetTag() == tag:
		v.Verdict, v.Reason = heldVerdict, v.Hold+"; by itself: "+v.Reason
	case v.Hold != "":
		v.Reason += "; " + v.Hold
	case p.GetStatus().GetObservedPreviousRef().GetTag() == tag && v.Selected != tag:
		v.Reason += "; it was the choice before"
	}
	if problem != "" && !strings.Contains(v.Reason, problem) {
		v.Reason += "; not ready: " + problem
	}
	return v, unlessSaid(err)
}

func verdictName(v resolverv1.Verdict) string { return strings.TrimPrefix(v.String(), "VERDICT_") }

// judge sets verdict and reason as the policy by itself has them.
func (s *services) judge(ctx context.Context, p *resolverv1.ImagePolicy, tag string, v *verdict, facts func() tagFacts) error {
	spec := p.GetSpec()
	req := &resolverv1.ResolveRequest{Policy: spec.GetPolicy(), FilterTags: spec.GetFilterTags()}
	candidates := []string{tag}
	byTime := byTime(spec)
	if v.Selected != "" && v.Selected != tag && !byTime {
		candidates = append(candidates, v.Selected)
	}
	req.Source = &resolverv1.ResolveRequest_TagList{TagList: &resolverv1.TagList{Tags: candidates}}
	said, err := s.explain(ctx, req, tag)
	if err != nil {
		return err
	}
	v.Verdict, v.Reason = verdictName(said.GetVerdict()), said.GetReason()
	best := said.GetVerdict() == resolverv1.Verdict_VERDICT_SELECTED
	switch {
	case v.Selected == tag && byTime:
		v.Reason = "it is the most recent"
		return nil
	case v.Selected == tag, !best:
		return nil
	case facts().FirstSeen == nil:
		v.Verdict, v.Reason = notListed, "the policy lets the name through, but the repository has no such tag"
		return nil
	case byTime && v.Selected != "":
		return s.compare(ctx, p, tag, v)
	case demanding(spec):
		return s.examine(ctx, p, tag, v)
	}
	v.Verdict = verdictName(resolverv1.Verdict_VERDICT_ELIGIBLE)
	v.Reason = strings.TrimSpace(said.GetReason() + whyNot(p, v.Selected))
	return nil
}

// whyNot says why a tag that is the better one is not the policy's choice.
func whyNot(p *resolverv1.ImagePolicy, selected string) string {
	now := ", but the policy says " + selected
	if selected == "" {
		now = ", but the policy has chosen nothing yet"
	}
	if rests := resting(p); rests != "" {
		return now + ": " + rests
	}
	if activeHold(p) != nil {
		return now
	}
	return now + ": the tag is not among those that it has looked at"
}

// byTime says whether the policy orders by time, which a tag's name does not tell.
func byTime(spec *resolverv1.ImagePolicySpec) bool {
	switch spec.GetPolicy().GetChoice().(type) {
	case *resolverv1.ImagePolicyChoice_Semver, *resolverv1.ImagePolicyChoice_Alphabetical, *resolverv1.ImagePolicyChoice_Numerical:
		return false
	}
	return true
}

// demanding says whether more than the tag's name and time decides.
func demanding(spec *resolverv1.ImagePolicySpec) bool {
	return spec.GetMinimumAge() != nil || len(spec.GetPlatforms()) > 0 || len(spec.GetLabels()) > 0
}

// explain returns the verdict on one tag, if it is among those that the first page has; else nil.
func (s *services) explain(ctx context.Context, req *resolverv1.ResolveRequest, tag string) (*resolverv1.TagVerdict, error) {
	page, err := s.resolution.Explain(ctx, &resolverv1.ExplainRequest{Request: req, PageSize: examined})
	if err != nil {
		return nil, err //nolint:wrapcheck // the connection gives errors their sentence
	}
	i := slices.IndexFunc(page.GetVerdicts(), func(v *resolverv1.TagVerdict) bool { return v.GetTag() == tag })
	if i < 0 {
		return nil, nil //nolint:nilnil // the contract says so
	}
	return page.GetVerdicts()[i], nil
}

// compare sets the verdict on a tag that the filter lets through, of a policy that orders by time.
func (s *services) compare(ctx context.Context, p *resolverv1.ImagePolicy, tag string, v *verdict) error {
	resp, err := s.resolution.CompareTags(ctx, &resolverv1.CompareTagsRequest{
		Subject: &resolverv1.CompareTagsRequest_ImagePolicyRef{ImagePolicyRef: &metav1.NamespacedObjectReference{
			Namespace: p.GetMetadata().GetNamespace(), Name: p.GetMetadata().GetName(),
		}},
		Current: v.Selected, Proposed: tag,
	})
	if err != nil {
		return err //nolint:wrapcheck // the connection gives errors their sentence
	}
	v.Verdict, v.Reason = verdictName(resolverv1.Verdict_VERDICT_ELIGIBLE), resp.GetReason()
	if resp.GetComparison() == resolverv1.Comparison_COMPARISON_NEWER {
		if demanding(p.GetSpec()) {
			return s.examine(ctx, p, tag, v)
		}
		v.Reason += whyNot(p, v.Selected)
	}
	return nil
}

// examine sets the verdict as Explain over the stored tags has it, for policies that demand more than a name.
func (s *services) examine(ctx context.Context, p *resolverv1.ImagePolicy, tag string, v *verdict) error {
	spec := p.GetSpec()
	namespace, name, _ := strings.Cut(repositoryOf(p), "/")
	said, err := s.explain(ctx, &resolverv1.ResolveRequest{
		Source: &resolverv1.ResolveRequest_ImageRepositoryRef{
			ImageRepositoryRef: &metav1.NamespacedObjectReference{Namespace: namespace, Name: name},
		},
		Policy: spec.GetPolicy(), FilterTags: spec.GetFilterTags(),
		MinimumAge: spec.GetMinimumAge(), Platforms: spec.GetPlatforms(), Labels: spec.GetLabels(),
	}, tag)
	switch {
	case err != nil:
		return err
	case said == nil:
		v.Verdict = verdictName(resolverv1.Verdict_VERDICT_UNKNOWN)
		v.Reason = fmt.Sprintf("it is not among the best %d tags; `tidemark explain %s -n %s` shows all",
			examined, p.GetMetadata().GetName(), p.GetMetadata().GetNamespace())
	default:
		v.Verdict, v.Reason = verdictName(said.GetVerdict()), said.GetReason()
	}
	return nil
}

// activeHold is nil where no hold is, or its time is over.
func activeHold(p *resolverv1.ImagePolicy) *metav1.Hold {
	hold := p.GetOverride().GetHold()
	if hold == nil || hold.GetUntil() != nil && !time.Now().Before(hold.GetUntil().AsTime()) {
		return nil
	}
	return hold
}

// holdOf says who holds the policy where, and why; empty: nobody does.
func holdOf(p *resolverv1.ImagePolicy) string {
	hold := activeHold(p)
	if hold == nil {
		return ""
	}
	text := fmt.Sprintf("held at %s by %s", hold.GetTag(), hold.GetActor())
	if hold.GetUntil() != nil {
		text += " until " + moment(timeOf(hold.GetUntil()))
	}
	if hold.GetReason() != "" {
		text += " (" + hold.GetReason() + ")"
	}
	return text
}
