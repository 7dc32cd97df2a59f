// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

// words are what the sentences are made of.
type words struct {
	policy   *policy.Policy
	pattern  string
	selected string // the tag; empty: none
	eligible int
	order    order
}

// order names what tags are ordered by.
type order struct {
	// best and worse compare: `the highest version`, `is lower than`.
	best, worse string
	// noun is what a text must be; empty: anything.
	noun string
	// span is the range; empty: none.
	span string
}

func newWords(in Input, e *Explanation) words {
	w := words{
		policy: in.Policy, pattern: in.Request.GetFilterTags().GetPattern(),
		selected: e.Selected(), order: orderOf(in.Request),
	}
	for _, l := range e.lines {
		if l.verdict == resolverv1.Verdict_VERDICT_SELECTED || l.verdict == resolverv1.Verdict_VERDICT_ELIGIBLE {
			w.eligible++
		}
	}
	return w
}

func orderOf(req *resolverv1.ResolveRequest) order {
	switch c := req.GetPolicy().GetChoice().(type) {
	case *resolverv1.ImagePolicyChoice_Semver:
		span := c.Semver.GetRange()
		return order{best: "the highest version in range " + span, worse: "is lower than", noun: "version of three parts", span: span}
	case *resolverv1.ImagePolicyChoice_Alphabetical:
		if c.Alphabetical.GetOrder() == resolverv1.SortOrder_SORT_ORDER_DESC {
			return order{best: "the first by its bytes", worse: "comes after"}
		}
		return order{best: "the last by its bytes", worse: "comes before"}
	case *resolverv1.ImagePolicyChoice_Numerical:
		if c.Numerical.GetOrder() == resolverv1.SortOrder_SORT_ORDER_DESC {
			return order{best: "the smallest number", worse: "is larger than", noun: "decimal number"}
		}
		return order{best: "the largest number", worse: "is smaller than", noun: "decimal number"}
	}
	if req.GetTagList() != nil { // no times are known
		return order{best: "the highest version, or the last by its bytes where none is one", worse: "is lower than"}
	}
	return order{best: "the most recent", worse: "is not as recent as"}
}

// reason is the sentence that a person needs.
func (w words) reason(l line) string {
	if l.reason != "" {
		return l.reason
	}
	text := w.text(l.tag)
	switch l.verdict {
	case resolverv1.Verdict_VERDICT_SELECTED:
		if w.eligible > 1 {
			return fmt.Sprintf("%s is %s, of %d eligible tags", text, w.order.best, w.eligible)
		}
		return fmt.Sprintf("%s is %s", text, w.order.best)
	case resolverv1.Verdict_VERDICT_ELIGIBLE:
		return w.compared(l, text)
	case resolverv1.Verdict_VERDICT_UNEXAMINED:
		if w.selected == "" {
			return "it was not examined: what had to be known of better tags is not known, or there are too many of them"
		}
		return w.compared(l, text) + ", which was found before this tag had to be examined"
	case resolverv1.Verdict_VERDICT_EXCLUDED:
		return "the repository's exclusion list leaves it out"
	case resolverv1.Verdict_VERDICT_FILTERED:
		return fmt.Sprintf("the pattern '%s' does not match it", w.pattern)
	case resolverv1.Verdict_VERDICT_UNPARSABLE:
		return fmt.Sprintf("%s is no %s", quoted(w.policy.Text(l.tag)), w.order.noun)
	case resolverv1.Verdict_VERDICT_OUT_OF_RANGE:
		return w.outOfRange(text)
	default:
		return ""
	}
}

// compared holds a tag against the selected one.
func (w words) compared(l line, text string) string {
	if l.equal {
		return fmt.Sprintf("%s is equal to %s, whose tag is the larger one by its bytes", text, w.selected)
	}
	return fmt.Sprintf("%s %s %s", text, w.order.worse, w.text(w.selected))
}

// outOfRange tells of pre-releases, which surprise people.
func (w words) outOfRange(text string) string {
	version, _, _ := strings.Cut(text, "+")
	if strings.Contains(version, "-") && !strings.Contains(w.order.span, "-") {
		return fmt.Sprintf("%s is a pre-release, and range %s has none; a range that names one does, such as >=1.0.0-0",
			text, w.order.span)
	}
	return fmt.Sprintf("%s is not in range %s", text, w.order.span)
}

// text is what is ordered of a tag.
func (w words) text(tag string) string {
	if text := w.policy.Text(tag); text != "" {
		return text
	}
	return tag
}

func quoted(text string) string { return "'" + text + "'" }
