// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tidemark-io/tidemark/resolver/internal/lockstep"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
)

func optionsOf(p *policy.Policy, tags []policy.Tag) iter.Seq[lockstep.Option] {
	return func(yield func(lockstep.Option) bool) {
		for _, tag := range tags {
			if key, ok := p.Version(tag.Name); ok && p.Standing(tag).Place == policy.Eligible && !yield(lockstep.Option{Tag: tag, Key: key}) {
				return
			}
		}
	}
}

func first(_ context.Context, _ int, tags []policy.Tag) (string, error) { return tags[0].Name, nil }

// The law: what is found is of one version, and no version that the first member prefers is there for all.
func TestNewestIsTheBestThatAllHave(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	p, err := policy.Compile(policy.Spec{SemVer: &policy.SemVer{Range: ">=0.1.0-0"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		members := make([]lockstep.Member, 2+random.IntN(3))
		versions := make([]map[string]bool, len(members))
		for i := range members {
			var names []string
			for range random.IntN(8) {
				names = append(names, fmt.Sprintf("%s1.%d.%d", []string{"", "v"}[random.IntN(2)], random.IntN(3), random.IntN(3)))
			}
			tags := policy.TagsOf(names)
			members[i] = lockstep.Member{Policy: p, Options: optionsOf(p, tags)}
			versions[i] = map[string]bool{}
			for o := range members[i].Options {
				versions[i][o.Key] = true
			}
		}
		best := ""
		for version := range versions[0] {
			all := !slices.ContainsFunc(versions, func(of map[string]bool) bool { return !of[version] })
			if all && version > best { // keys of versions are in their order
				best = version
			}
		}
		got, err := lockstep.Newest(t.Context(), members, first)
		missing, none := errors.AsType[*lockstep.MissingError](err)
		switch {
		case best == "" && none && (len(missing.Missing) > 0 || len(versions[0]) == 0):
		case best != "" && err == nil:
			for _, tag := range got {
				if version, ok := p.Version(tag); !ok || version != best {
					t.Fatalf("%v of %v: %s is another version than the best", got, versions, tag)
				}
			}
		default:
			t.Fatalf("%v, %v of %v", got, err, versions)
		}
	}
}

func TestWhatDoesNotPassIsPassedOver(t *testing.T) {
	p, err := policy.Compile(policy.Spec{SemVer: &policy.SemVer{Range: "*"}})
	if err != nil {
		t.Fatal(err)
	}
	m := lockstep.Member{Policy: p, Options: optionsOf(p, policy.TagsOf([]string{"1.0.0", "v1.0.0", "2.0.0"}))}
	errBroken := errors.New("broken")
	for name, c := range map[string]struct {
		pass lockstep.Pass
		want []string
		err  error
	}{
		"the older one": {pass: func(_ context.Context, i int, tags []policy.Tag) (string, error) {
			if i == 1 && tags[0].Name == "2.0.0" {
				return "", nil
			}
			return tags[len(tags)-1].Name, nil
		}, want: []string{"1.0.0", "1.0.0"}},
		"none": {pass: func(context.Context, int, []policy.Tag) (string, error) { return "", nil }, err: &lockstep.MissingError{}},
		"an error": {
			pass: func(context.Context, int, []policy.Tag) (string, error) { return "", errBroken }, err: errBroken,
		},
	} {
		got, err := lockstep.Newest(t.Context(), []lockstep.Member{m, m}, c.pass)
		_, missing := errors.AsType[*lockstep.MissingError](err)
		_, wanted := errors.AsType[*lockstep.MissingError](c.err)
		if !slices.Equal(got, c.want) || missing != wanted || !missing && !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
