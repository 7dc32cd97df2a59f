// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// near is how far a line may have moved since a run recorded it.
const near = 10

// traceFile follows the values at a place back. automation empty: the runs of all automations of the namespace count.
func (s *services) traceFile(ctx context.Context, namespace, automation string, at place) (answer, error) {
	automations, err := s.automations(ctx, namespace, automation)
	if err != nil {
		return nil, err
	}
	all, err := s.histories(ctx, automations)
	if err != nil {
		return nil, err // what is not known of one automation may be the newest of all
	}
	found := &fileAnswer{Path: at.path, Line: at.line, Values: []tracedValue{}}
	remotes := map[string]string{}
	for _, h := range all {
		values, kept, warnings := atPath(h, at.path)
		if len(values)+len(kept)+len(warnings) > 0 {
			remotes[h.name()] = h.remote()
		}
		for _, w := range values {
			found.Values = append(found.Values, tracedValue{written: w})
		}
		found.Held, found.Warnings = append(found.Held, kept...), append(found.Warnings, warnings...)
	}
	if err := oneRemote(at, remotes); err != nil {
		return nil, err
	}
	if len(remotes) == 0 {
		return nil, neverWritten(at, all, automations)
	}
	if err := found.narrow(at); err != nil {
		return nil, err
	}
	return found, s.origins(ctx, found.Values, all)
}

func (s *services) automations(ctx context.Context, namespace, name string) ([]*updaterv1.ImageUpdateAutomation, error) {
	if name == "" {
		return list[*updaterv1.ImageUpdateAutomation](ctx, s.updater, kinds.ImageUpdateAutomation(), namespace)
	}
	one, err := get[*updaterv1.ImageUpdateAutomation](ctx, s.updater, kinds.ImageUpdateAutomation(), namespace, name)
	return []*updaterv1.ImageUpdateAutomation{one}, err
}

// remote is what the automation writes to, as its last run that says so has it; empty: none does.
func (h history) remote() string {
	for _, run := range h.runs {
		if run.GetUrl() != "" {
			return run.GetUrl()
		}
	}
	return ""
}

// atPath are the values of a file as they were written last, and what the last run says of the file.
func atPath(h history, path string) ([]written, []held, []reason) {
	values := writes(h, func(c *updaterv1.RunChange) bool { return c.GetPath() == path })
	values = slices.DeleteFunc(values, func(w written) bool { return w.Replaced != nil })
	kept := heldOf(h.automation, func(v *updaterv1.HeldValue) bool { return v.GetPath() == path })
	return values, kept, warningsOf(h.automation, kept, func(warning string) bool {
		return strings.HasPrefix(warning, path+":") || strings.HasPrefix(warning, path+" ")
	})
}

// oneRemote is the error where the file is in several repositories.
func oneRemote(at place, remotes map[string]string) error {
	urls := map[string]bool{}
	choice := make([]string, 0, len(remotes))
	for _, name := range slices.Sorted(maps.Keys(remotes)) {
		_, short, _ := strings.Cut(name, "/")
		choice = append(choice, fmt.Sprintf("%s (%s)", short, cmp.Or(remotes[name], "no commit is recorded")))
		if remotes[name] != "" {
			urls[remotes[name]] = true
		}
	}
	if len(urls) < 2 {
		return nil
	}
	return fmt.Errorf("%s is in several repositories; say whose with --automation: %s", at.path, strings.Join(choice, ", "))
}

// neverWritten is the error where no record knows the file.
func neverWritten(at place, all []history, automations []*updaterv1.ImageUpdateAutomation) error {
	if len(automations) == 0 {
		return errors.New("there is no ImageUpdateAutomation in the namespace, so that nothing was written")
	}
	err := fmt.Errorf("no recorded run wrote %s; the last %d with a commit of each ImageUpdateAutomation are kept", at.path, keptRuns)
	var paths []string
	for _, h := range all {
		for _, run := range h.runs {
			for _, c := range run.GetChanges() {
				paths = append(paths, c.GetPath())
			}
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if meant := suggestion.Nearest(at.path, paths); meant != "" {
		return fmt.Errorf("%w; did you mean %s?", err, meant)
	}
	var ends []string
	for _, path := range paths {
		if strings.HasSuffix(path, "/"+at.path) {
			ends = append(ends, path)
		}
	}
	if len(ends) == 1 {
		return fmt.Errorf("%w; did you mean %s?", err, ends[0])
	}
	return err
}

// narrow leaves what is about the line, if one is asked for.
func (f *fileAnswer) narrow(at place) error {
	if at.line == 0 {
		slices.SortStableFunc(f.Values, func(a, b tracedValue) int { return cmp.Compare(a.Line, b.Line) })
		return nil
	}
	lines := map[int]bool{at.line: true}
	best := -1
	for i, v := range f.Values {
		if best < 0 || far(v.Line, at) < far(f.Values[best].Line, at) ||
			v.Line == f.Values[best].Line && v.Time != nil && f.Values[best].Time != nil && v.Time.After(*f.Values[best].Time) {
			best = i
		}
	}
	nearest := ""
	if best >= 0 {
		nearest = "; the nearest value that is recorded is at line " + strconv.Itoa(int(f.Values[best].Line))
		if far(f.Values[best].Line, at) <= near {
			f.Values = f.Values[best : best+1]
			lines[int(f.Values[0].Line)] = true
		} else {
			f.Values = []tracedValue{}
		}
	}
	f.Held = slices.DeleteFunc(f.Held, func(h held) bool { return !lines[int(h.Line)] })
	f.Warnings = slices.DeleteFunc(f.Warnings, func(w reason) bool {
		line, _, _ := strings.Cut(strings.TrimPrefix(w.Reason, at.path+":"), ":")
		number, err := strconv.Atoi(line)
		return err == nil && !lines[number]
	})
	if len(f.Values)+len(f.Held)+len(f.Warnings) == 0 {
		return fmt.Errorf("no recorded run wrote anything near line %d of %s; the last %d with a commit are kept%s", at.line, at.path, keptRuns, nearest)
	}
	return nil
}

func far(line int32, from place) int { return max(int(line)-from.line, from.line-int(line)) }

// source is a policy and a tag that it chose.
type source struct{ policy, tag string }

// origins finds out of each value which policy and tag it comes from, each but once.
func (s *services) origins(ctx context.Context, values []tracedValue, all []history) error {
	wanted := map[source]int{}
	var sources []source
	of := make([]int, len(values))
	for i, v := range values {
		from := source{parseSetter(v.Marker).of(), tagOf(v.written, all)}
		if _, known := wanted[from]; !known {
			wanted[from] = len(sources)
			sources = append(sources, from)
		}
		of[i] = wanted[from]
	}
	policies, tags := make([]policyNow, len(sources)), make([]*tagFacts, len(sources))
	err := each(len(sources), func(i int) (err error) {
		policies[i], tags[i], err = s.origin(ctx, sources[i])
		return err
	})
	for i := range values {
		values[i].Policy, values[i].Tag = policies[of[i]], tags[of[i]]
	}
	return err
}

// tagOf is the tag that a value says, or that another value says which the same run wrote for the same policy, where the
// value itself is a name or a digest. Empty: not known.
func tagOf(w written, all []history) string {
	marker := parseSetter(w.Marker)
	if tag := marker.tagIn(w.New); tag != "" {
		return tag
	}
	for _, h := range all {
		for _, run := range h.runs {
			if h.name() != w.Automation || run.GetId() != w.Run {
				continue
			}
			for _, c := range run.GetChanges() {
				other := parseSetter(c.GetSetter())
				if tag := other.tagIn(c.GetNewValue()); tag != "" && other.of() == marker.of() {
					return tag
				}
			}
		}
	}
	return ""
}

// origin is a policy as it is now, and what is known of a tag that it chose once.
func (s *services) origin(ctx context.Context, from source) (policyNow, *tagFacts, error) {
	now := policyNow{Name: from.policy}
	namespace, name, _ := strings.Cut(from.policy, "/")
	p, err := get[*resolverv1.ImagePolicy](ctx, s.resolver, kinds.ImagePolicy(), namespace, name)
	if errors.Is(err, rpcerr.ErrNotFound) {
		now.State = "there is no such ImagePolicy any more"
		return now, nil, nil
	}
	if err != nil {
		now.State = rpcerr.Sentence(err)
		return now, nil, err
	}
	now.Selected, now.Hold, now.State = p.GetStatus().GetLatestRef().GetTag(), holdOf(p), cmp.Or(notReady(p), resting(p))
	if from.tag == "" {
		return now, nil, nil
	}
	namespace, name, _ = strings.Cut(repositoryOf(p), "/")
	r, err := get[*scannerv1.ImageRepository](ctx, s.scanner, kinds.ImageRepository(), namespace, name)
	if err != nil {
		unknown := &tagFacts{Repository: repositoryOf(p), Tag: from.tag}
		unknown.miss("first seen", rpcerr.Sentence(err))
		return now, unknown, unlessSaid(err)
	}
	facts, err := s.facts(ctx, r, from.tag)
	return now, &facts, err
}
