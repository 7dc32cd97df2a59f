// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// maxImages bounds how many tags one answer is about where nobody has named one.
const maxImages = 5

// keptRuns is how many runs with a commit the updater keeps of each automation.
const keptRuns = 50

// stage is all that `trace image` looks at.
type stage struct {
	subject      subject
	namespace    string
	repositories []*scannerv1.ImageRepository
	policies     []*resolverv1.ImagePolicy
	histories    []history
}

// traceImage follows what the subject means in a namespace; empty: in all. With an error the answer lacks what the error
// is about; without an answer there is nothing to tell.
func (s *services) traceImage(ctx context.Context, namespace string, asked subject) (answer, error) {
	st := &stage{subject: asked, namespace: namespace}
	var automations []*updaterv1.ImageUpdateAutomation
	var updating error
	err := together(func() (err error) {
		st.repositories, err = list[*scannerv1.ImageRepository](ctx, s.scanner, kinds.ImageRepository(), namespace)
		return err
	}, func() (err error) {
		st.policies, err = list[*resolverv1.ImagePolicy](ctx, s.resolver, kinds.ImagePolicy(), namespace)
		return err
	}, func() error {
		// What the scanner and the resolver know is told though the updater is away.
		automations, updating = list[*updaterv1.ImageUpdateAutomation](ctx, s.updater, kinds.ImageUpdateAutomation(), namespace)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := st.narrow(ctx, s); err != nil {
		return nil, err
	}
	var images []*lineage
	for _, r := range st.repositories {
		for _, tag := range st.tags(r) {
			images = append(images, &lineage{tagFacts: tagFacts{Repository: nameOf(r), Tag: tag}})
		}
	}
	if len(images) > maxImages {
		return nil, fmt.Errorf("the policies of '%s' have chosen %d tags; name one of them: %s", asked.name, len(images), namesOf(images))
	}
	var recording error
	err = together(func() error {
		st.histories, recording = s.histories(ctx, automations)
		return nil
	}, func() error {
		return each(len(images), func(i int) error { return s.fill(ctx, st, images[i]) })
	})
	unknown := errors.Join(updating, recording)
	for _, image := range images {
		st.follow(image, unknown != nil)
	}
	return imageAnswer{images}, errors.Join(err, unknown)
}

func namesOf(images []*lineage) string {
	var tags []string
	for _, image := range images {
		if !slices.Contains(tags, image.Tag) {
			tags = append(tags, image.Tag)
		}
	}
	return strings.Join(tags, ", ")
}

// narrow leaves the repositories that are meant, by their names or by that of a policy, and the policies over them.
func (st *stage) narrow(ctx context.Context, s *services) error {
	known := st.repositories
	meant := map[string]*scannerv1.ImageRepository{}
	for _, r := range known {
		if st.subject.means(r) {
			meant[nameOf(r)] = r
		}
	}
	for _, p := range st.policies {
		at := repositoryOf(p)
		if p.GetMetadata().GetName() != st.subject.name || meant[at] != nil {
			continue
		}
		r, err := st.repository(ctx, s, at)
		if err != nil {
			return err
		}
		meant[at] = r
	}
	if len(meant) == 0 {
		return st.nothing(known)
	}
	st.repositories = st.repositories[:0:0]
	for _, r := range meant {
		st.repositories = append(st.repositories, r)
	}
	slices.SortFunc(st.repositories, func(a, b *scannerv1.ImageRepository) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return nil
}

// repository is one that a policy refers to, which may be of another namespace.
func (st *stage) repository(ctx context.Context, s *services, at string) (*scannerv1.ImageRepository, error) {
	for _, r := range st.repositories {
		if nameOf(r) == at {
			return r, nil
		}
	}
	namespace, name, _ := strings.Cut(at, "/")
	r, err := get[*scannerv1.ImageRepository](ctx, s.scanner, kinds.ImageRepository(), namespace, name)
	if errors.Is(err, rpcerr.ErrNotFound) {
		return nil, fmt.Errorf("ImagePolicy %s refers to ImageRepository %s, which is not there", st.subject.name, at)
	}
	return r, err
}

// nothing is the error where nobody knows the name.
func (st *stage) nothing(known []*scannerv1.ImageRepository) error {
	names := make([]string, 0, 2*len(known)+len(st.policies))
	for _, r := range known {
		names = append(names, r.GetMetadata().GetName(), r.GetSpec().GetImage())
	}
	for _, p := range st.policies {
		names = append(names, p.GetMetadata().GetName())
	}
	where := "in " + st.namespace + " namespace"
	if st.namespace == "" {
		where = "in any namespace"
	}
	err := fmt.Errorf("no ImageRepository, ImagePolicy or image is called '%s' %s", st.subject.name, where)
	if near := suggestion.Nearest(st.subject.name, names); near != "" {
		return fmt.Errorf("%w; did you mean %s?", err, near)
	}
	return err
}

// over are the policies over a repository.
func (st *stage) over(repository string) []*resolverv1.ImagePolicy {
	var all []*resolverv1.ImagePolicy
	for _, p := range st.policies {
		if repositoryOf(p) == repository {
			all = append(all, p)
		}
	}
	return all
}

// tags are those that are asked about: the one that is named, else what the policy of the name has chosen, else what all
// policies over the repository have. One that is empty stands for no choice.
func (st *stage) tags(r *scannerv1.ImageRepository) []string {
	if st.subject.tag != "" {
		return []string{st.subject.tag}
	}
	var named, all []string
	for _, p := range st.over(nameOf(r)) {
		tag := p.GetStatus().GetLatestRef().GetTag()
		if tag == "" {
			continue
		}
		if all = append(all, tag); p.GetMetadata().GetName() == st.subject.name {
			named = append(named, tag)
		}
	}
	if len(named) > 0 {
		all = named
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return []string{""}
	}
	return all
}

// fill finds out what scanner and resolver know of a tag.
func (s *services) fill(ctx context.Context, st *stage, image *lineage) error {
	at := slices.IndexFunc(st.repositories, func(r *scannerv1.ImageRepository) bool { return nameOf(r) == image.Repository })
	over := st.over(image.Repository)
	image.Policies = make([]verdict, len(over))
	tag, known := image.Tag, make(chan struct{})
	calls := make([]func() error, 0, 1+len(over))
	calls = append(calls, func() (err error) { // the first, so that it has begun when a verdict waits for it
		defer close(known)
		image.tagFacts, err = s.facts(ctx, st.repositories[at], tag)
		return err
	})
	facts := func() tagFacts {
		<-known
		return image.tagFacts
	}
	for i, p := range over {
		calls = append(calls, func() (err error) {
			image.Policies[i], err = s.verdict(ctx, p, tag, facts)
			return err
		})
	}
	return together(calls...)
}

// follow finds in the records where the tag was written, and why it was not. unknown: not all records could be read.
func (st *stage) follow(image *lineage, unknown bool) {
	image.Written = []written{}
	over := map[string]*resolverv1.ImagePolicy{}
	for _, p := range st.over(image.Repository) {
		over[nameOf(p)] = p
	}
	users := 0
	for _, h := range st.histories {
		all := writes(h, func(c *updaterv1.RunChange) bool { return over[parseSetter(c.GetSetter()).of()] != nil })
		ours := slices.DeleteFunc(slices.Clone(all), func(w written) bool { return !w.says(image.Tag, image.Digest) })
		image.Written = append(image.Written, ours...)
		kept := heldOf(h.automation, func(v *updaterv1.HeldValue) bool {
			marker := parseSetter(v.GetSetter())
			tags := []string{marker.tagIn(v.GetValue()), marker.tagIn(v.GetProposedValue())}
			return over[marker.of()] != nil && (marker.part != "" && marker.part != "tag" || slices.Contains(tags, image.Tag))
		})
		image.Held = append(image.Held, kept...)
		image.Warnings = append(image.Warnings, warningsOf(h.automation, kept, func(warning string) bool {
			return about(warning, over, all)
		})...)
		uses := usedBy(h.automation, over)
		if len(uses) > 0 || len(all) > 0 || len(kept) > 0 {
			users++
			if len(ours) == 0 {
				image.NotWritten = append(image.NotWritten, reason{h.name(), whyNotWritten(h.automation, image.Tag, uses, all)})
			}
		}
	}
	newestFirst(image.Written)
	if users == 0 && !unknown && len(over) > 0 {
		image.NotWritten = append(image.NotWritten, reason{Reason: st.unused()})
	}
}

func (st *stage) unused() string {
	if len(st.histories) == 0 {
		return "there is no ImageUpdateAutomation that could write it"
	}
	return "no ImageUpdateAutomation uses these policies: none has run yet, or spec.policySelector leaves them out"
}

// usedBy are the tags that the automation's last run has read from the policies.
func usedBy(a *updaterv1.ImageUpdateAutomation, over map[string]*resolverv1.ImagePolicy) []string {
	var tags []string
	for name, seen := range a.GetStatus().GetObservedPolicies() {
		if over[a.GetMetadata().GetNamespace()+"/"+name] != nil {
			tags = append(tags, seen.GetTag())
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// about says whether a warning is about one of the policies, or about a place that one of them is written at.
func about(warning string, over map[string]*resolverv1.ImagePolicy, places []written) bool {
	for name := range over {
		if strings.Contains(warning, "'"+name+"'") {
			return true
		}
	}
	return slices.ContainsFunc(places, func(w written) bool {
		return strings.HasPrefix(warning, w.Path+":") || strings.HasPrefix(warning, w.Path+" ")
	})
}

// whyNotWritten says why an automation that uses the policies has not written the tag. uses are the tags that it has read
// last, before what it wrote of the policies, the last one first.
func whyNotWritten(a *updaterv1.ImageUpdateAutomation, tag string, uses []string, before []written) string {
	var parts []string
	if rests := resting(a); rests != "" {
		parts = append(parts, rests)
	}
	if problem := notReady(a); problem != "" {
		parts = append(parts, problem)
	}
	switch {
	case tag == "":
	case slices.Contains(uses, tag):
		parts = append(parts, fmt.Sprintf("no recorded run wrote it, though the last one read it; the last %d with a commit are kept", keptRuns))
	case len(uses) > 0:
		parts = append(parts, fmt.Sprintf("no recorded run wrote it; the last %d with a commit are kept, and the last run read %s",
			keptRuns, strings.Join(uses, ", ")))
	default:
		parts = append(parts, fmt.Sprintf("no recorded run wrote it; the last %d with a commit are kept", keptRuns))
	}
	switch {
	case len(before) > 0:
		last := before[0]
		parts = append(parts, fmt.Sprintf("what it wrote last of these policies is %s at %s:%d", last.New, last.Path, last.Line))
	case slices.Contains(uses, tag):
		parts = append(parts, "the files said it already, or no marker names the policies")
	default:
		parts = append(parts, "nothing of these policies is recorded")
	}
	return strings.Join(parts, "; ")
}
