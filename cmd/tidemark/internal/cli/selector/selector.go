// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package selector is the flags that say which tag is the best, as flux has them: the same for a policy that is created
// and for one that is only tried.
package selector

import (
	"errors"
	"fmt"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/pflag"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
)

// Flags are the flags' values. The zero value says nothing.
type Flags struct {
	semver        string
	alpha         string
	numeric       string
	latest        string
	filterRegex   string
	filterExtract string
}

// Add adds the flags.
func (f *Flags) Add(flags *pflag.FlagSet) {
	flags.StringVar(&f.semver, "select-semver", "", "range of versions; the highest in it is selected, for example 5.0.x")
	flags.StringVar(&f.alpha, "select-alpha", "", "order by bytes: asc selects the last, desc the first")
	flags.StringVar(&f.numeric, "select-numeric", "", "order by number: asc selects the largest, desc the smallest")
	flags.StringVar(&f.latest, "select-latest", "", "select the most recent tag, by the time pushed, firstSeen or created (alone: pushed; not Flux's)")
	flags.Lookup("select-latest").NoOptDefVal = byDefault
	flags.StringVar(&f.filterRegex, "filter-regex", "", "regular expression (RE2); only tags that it matches are looked at")
	flags.StringVar(&f.filterExtract, "filter-extract", "", "what of a tag is ordered: groups of --filter-regex, for example $ts")
}

// Given says whether any of the flags is.
func (f *Flags) Given() bool { return *f != Flags{} }

// Choice is the one selector that is given; nil: none is.
func (f *Flags) Choice() (*resolverv1.ImagePolicyChoice, error) {
	if err := f.atMostOne(); err != nil {
		return nil, err
	}
	switch {
	case f.semver != "":
		if _, err := semver.NewConstraint(f.semver); err != nil {
			return nil, fmt.Errorf("--select-semver '%s' is no range of versions: %w", f.semver, err)
		}
		return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{
			Semver: &resolverv1.SemVerPolicy{Range: f.semver},
		}}, nil
	case f.alpha != "":
		order, err := sortOrder("--select-alpha", f.alpha)
		return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Alphabetical{
			Alphabetical: &resolverv1.AlphabeticalPolicy{Order: order},
		}}, err
	case f.numeric != "":
		order, err := sortOrder("--select-numeric", f.numeric)
		return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Numerical{
			Numerical: &resolverv1.NumericalPolicy{Order: order},
		}}, err
	case f.latest != "":
		by, err := latestBy(f.latest)
		return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Latest{
			Latest: &resolverv1.LatestPolicy{By: by},
		}}, err
	default:
		return nil, nil
	}
}

// atMostOne says whether selectors contradict one another.
func (f *Flags) atMostOne() error {
	given := 0
	for _, is := range []bool{f.semver != "", f.alpha != "", f.numeric != "", f.latest != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		return errors.New("only one of --select-semver, --select-alpha, --select-numeric or --select-latest can be specified")
	}
	return nil
}

func sortOrder(flag, word string) (resolverv1.SortOrder, error) {
	switch word {
	case "asc":
		return resolverv1.SortOrder_SORT_ORDER_ASC, nil
	case "desc":
		return resolverv1.SortOrder_SORT_ORDER_DESC, nil
	default:
		return 0, suggestion.Value(flag, word, "asc", "desc")
	}
}

// byDefault is the value of --select-latest without one.
const byDefault = "pushed"

func latestBy(word string) (resolverv1.LatestBy, error) {
	switch word {
	case byDefault, "true": // what a switch would be given
		return resolverv1.LatestBy_LATEST_BY_UNSPECIFIED, nil
	case "firstSeen":
		return resolverv1.LatestBy_LATEST_BY_FIRST_SEEN, nil
	case "created":
		return resolverv1.LatestBy_LATEST_BY_CREATED, nil
	default:
		return 0, suggestion.Value("--select-latest", word, byDefault, "firstSeen", "created")
	}
}
