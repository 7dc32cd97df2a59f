// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/lockstep"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/selection"
	"github.com/tidemark-io/tidemark/resolver/internal/spec"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

const (
	// maxNamed bounds how many members an error names.
	maxNamed = 5
	// maxLabelled is of how many of a member's best tags the labels are read.
	maxLabelled = 100
	labelAge    = 10 * time.Minute
)

// checkLockstep returns which requests are in a group. A request in two groups could not follow both.
func checkLockstep(req *resolverv1.BatchResolveRequest) (map[int]struct{}, error) {
	grouped := map[int]struct{}{}
	var violations []rpcerr.FieldViolation
	for i, group := range req.GetLockstep() {
		for j, member := range group.GetRequests() {
			path := fmt.Sprintf("lockstep[%d].requests[%d]", i, j)
			_, twice := grouped[int(member)]
			switch {
			case int(member) >= len(req.GetRequests()):
				violations = append(violations, rpcerr.FieldViolation{
					Path: path, Sentence: fmt.Sprintf("is %d, but there are %d requests", member, len(req.GetRequests())),
				})
			case twice:
				violations = append(violations, rpcerr.FieldViolation{
					Path: path, Sentence: fmt.Sprintf("is %d, a request that is in a group already; it can move with one only", member),
				})
			}
			grouped[int(member)] = struct{}{}
		}
	}
	return grouped, rpcerr.Fields(violations)
}

// crew is the members of one lockstep group.
type crew struct {
	*Resolution
	path    string // of the group
	label   string // empty: the version
	members []*member
	results []*resolverv1.BatchResolveResult
}

// member is a request of a group.
type member struct {
	at      int // in the batch
	req     *resolverv1.ResolveRequest
	policy  *policy.Policy
	image   string
	set     stock // of no head where the tags came with the request
	outcome selection.Outcome
	options iter.Seq[lockstep.Option]
}

// resolveGroup answers the requests of a group: all of them, or none.
func (s *Resolution) resolveGroup(
	ctx context.Context, path string, group *resolverv1.Lockstep,
	requests []*resolverv1.ResolveRequest, results []*resolverv1.BatchResolveResult,
) {
	c := crew{Resolution: s, path: path, label: group.GetLabel(), results: results}
	for _, at := range group.GetRequests() {
		c.members = append(c.members, &member{at: int(at), req: requests[at]})
	}
	if c.each(func(m *member) (*resolverv1.ResolveResponse, error) { return nil, c.join(ctx, m) }) {
		var tags []string
		err := lifecycle.Guard(func() (err error) {
			tags, err = c.newest(ctx)
			return err
		})
		i := -1
		c.each(func(m *member) (*resolverv1.ResolveResponse, error) {
			if i++; err != nil {
				return nil, c.explain(err)
			}
			ref := &resolverv1.ImageRef{Name: m.image, Tag: tags[i]}
			return response(ref, m.outcome), c.addDigest(ctx, m.req, ref)
		})
	}
	c.refuseRest()
}

// each does something with each member, whose result it becomes, and says whether all went well.
func (c *crew) each(f func(*member) (*resolverv1.ResolveResponse, error)) bool {
	good := true
	for _, m := range c.members {
		c.results[m.at] = resultOf(func() (*resolverv1.ResolveResponse, error) { return f(m) })
		good = good && c.results[m.at].GetError() == nil
	}
	return good
}

// refuseRest gives the members that have no error of their own, where another has one, an error that says so.
func (c *crew) refuseRest() {
	var causes []string
	for _, m := range c.members {
		if failed := c.results[m.at].GetError(); failed != nil && len(causes) < maxNamed {
			causes = append(causes, fmt.Sprintf("requests[%d]: %s", m.at, failed.GetMessage()))
		}
	}
	if len(causes) == 0 {
		return
	}
	for _, m := range c.members {
		if c.results[m.at].GetError() != nil {
			continue
		}
		c.results[m.at] = resultOf(func() (*resolverv1.ResolveResponse, error) {
			return nil, rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED,
				"%s: not all of the group can move, so none does: %s", c.path, strings.Join(causes, "; "))
		})
	}
}

// join finds a member's tags. The error is what Resolve would have answered.
func (c *crew) join(ctx context.Context, m *member) (err error) {
	if err := server.Validate(m.req); err != nil {
		return err
	}
	if c.label != "" && m.req.GetTagList() != nil {
		return rpcerr.Field(c.path+".label", fmt.Sprintf(
			"cannot be compared: the tags of requests[%d] come with the request and have no labels; use imageRepositoryRef", m.at))
	}
	if m.policy, err = c.compile(m.req, ""); err != nil {
		return err
	}
	if list := m.req.GetTagList(); list != nil {
		if err := checkTags(list.GetTags(), ""); err != nil {
			return err
		}
		index := tagindex.New()
		m.set.snapshot = index.Apply(tagindex.Delta{Whole: true, Added: policy.TagsOf(list.GetTags())})
		m.outcome.Result, err = policy.Evaluate(ctx, m.policy, slices.Collect(m.set.snapshot.Tags()))
	} else {
		if m.set, err = c.stock(ctx, m.req, m.policy); err != nil {
			return tagsError(err, "")
		}
		m.image = m.set.head.GetImage()
		m.outcome.Result, err = m.set.snapshot.Evaluate(ctx, m.policy)
	}
	if err != nil {
		return selectionError(m.outcome, err)
	}
	if c.label == "" {
		m.options = m.versions()
		return nil
	}
	return c.readLabels(ctx, m)
}

// versions are the member's eligible tags, by version.
func (m *member) versions() iter.Seq[lockstep.Option] {
	return func(yield func(lockstep.Option) bool) {
		for tag := range m.set.snapshot.Tags() {
			if m.policy.Standing(tag).Place != policy.Eligible {
				continue
			}
			if version, ok := m.policy.Version(tag.Name); ok && !yield(lockstep.Option{Tag: tag, Key: version}) {
				return
			}
		}
	}
}

// readLabels makes the best of the member's tags its options, by the value of the label; tags without it are none.
func (c *crew) readLabels(ctx context.Context, m *member) error {
	set, err := m.set.snapshot.Ranked(ctx, m.policy)
	if err != nil {
		return fmt.Errorf("comparing labels: %w", err)
	}
	var names []string
	for e := range m.policy.Candidates(set) {
		if names = append(names, e.Tag); len(names) == maxLabelled {
			break
		}
	}
	found, err := c.facts.All(ctx, m.set.subject(), m.policy.Pattern(), names, facts.Digest|facts.Labels, labelAge)
	if err != nil {
		return explainRegistry(fmt.Errorf("failed to read the labels of %s: %w", m.image, err))
	}
	var options []lockstep.Option
	for i, fact := range found {
		value, has := fact.Labels[c.label]
		if !has && fact.Problem != "" {
			return rpcerr.New(codes.Unavailable, metav1.ErrorReason_ERROR_REASON_REGISTRY_FAILED,
				"failed to read the labels of %s:%s: %s", m.image, names[i], fact.Problem)
		}
		if tag, ok := m.set.snapshot.Tag(names[i]); ok && has {
			options = append(options, lockstep.Option{Tag: tag, Key: value})
		}
	}
	m.options = slices.Values(options)
	return nil
}

// newest finds what all members have and may move to.
func (c *crew) newest(ctx context.Context) ([]string, error) {
	joined := make([]lockstep.Member, len(c.members))
	for i, m := range c.members {
		joined[i] = lockstep.Member{Policy: m.policy, Options: m.options}
	}
	return lockstep.Newest(ctx, joined, func(ctx context.Context, i int, tags []policy.Tag) (string, error) {
		return c.take(ctx, c.members[i], tags)
	})
}

// take selects of a member's tags one that its request takes; empty: none.
func (c *crew) take(ctx context.Context, m *member, tags []policy.Tag) (string, error) {
	if !spec.Requirements(m.req).Any() {
		return tags[0].Name, nil
	}
	few := m.set
	few.snapshot = tagindex.New().Apply(tagindex.Delta{Whole: true, Added: tags})
	outcome, err := c.selector.Select(ctx, few.question(m.req, m.policy))
	if err != nil && !noTag(err) {
		return "", err
	}
	m.outcome.Clock = outcome.Clock
	m.outcome.Rejected += len(outcome.Examined)
	return outcome.Tag, nil
}

// explain says what is missing where.
func (c *crew) explain(err error) error {
	missing, ok := errors.AsType[*lockstep.MissingError](err)
	if !ok {
		return tagsError(err, "")
	}
	what := "version"
	if c.label != "" {
		what = fmt.Sprintf("value of the label '%s'", c.label)
	}
	newest := func(i int) string { return cmp.Or(missing.Newest[i], "none") }
	cause := "all have it, but not all may move to it: age, platforms or labels are against it"
	if len(missing.Missing) > 0 {
		var without []string
		for _, i := range missing.Missing[:min(len(missing.Missing), maxNamed)] {
			without = append(without, fmt.Sprintf("requests[%d], whose newest is %s", c.members[i].at, newest(i)))
		}
		if more := len(missing.Missing) - maxNamed; more > 0 {
			without = append(without, fmt.Sprintf("%d more", more))
		}
		cause = "it is missing in " + strings.Join(without, ", and in ")
	}
	return rpcerr.New(codes.FailedPrecondition, metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED,
		"%s: no %s is there for all of the group, so none moves; the newest of requests[%d] is %s: %s",
		c.path, what, c.members[0].at, newest(0), cause)
}
