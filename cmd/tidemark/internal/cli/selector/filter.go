// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selector

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/suggestion"
)

// Filter is what --filter-regex and --filter-extract say; nil: nothing.
func (f *Flags) Filter() (*resolverv1.TagFilter, error) {
	if f.filterRegex == "" {
		if f.filterExtract != "" {
			return nil, errors.New("cannot specify --filter-extract without specifying --filter-regex")
		}
		return nil, nil
	}
	pattern, err := regexp.Compile(f.filterRegex)
	if err != nil {
		return nil, fmt.Errorf("--filter-regex is an invalid regex pattern: %w", mistake(f.filterRegex, err))
	}
	if err := checkExtract(pattern, f.filterExtract); err != nil {
		return nil, err
	}
	return &resolverv1.TagFilter{Pattern: f.filterRegex, Extract: f.filterExtract}, nil
}

// groupReference is a reference to a group in an expansion, as Go's regexp reads it: `$name` takes letters, digits and
// underscores as far as they go, `${name}` to the brace; `$$` is a dollar. A dollar alone is none, which Go takes as it is.
var groupReference = regexp.MustCompile(`\$(?:\$|(\w+)|\{(\w+)\}|)`)

// checkExtract says which group an expansion names that the pattern does not have: it would expand to nothing.
func checkExtract(pattern *regexp.Regexp, extract string) error {
	for _, match := range groupReference.FindAllStringSubmatch(extract, -1) {
		if match[0] == "$" {
			return errors.New("--filter-extract is malformed: a '$' is followed by a group's name or number, ${name}, or another '$'")
		}
		group := match[1] + match[2]
		if group == "" || hasGroup(pattern, group) {
			continue
		}
		err := fmt.Errorf("capture group $%s used in --filter-extract not found in --filter-regex, which has %s", group, groups(pattern))
		if near := suggestion.Nearest(group, pattern.SubexpNames()); near != "" {
			return fmt.Errorf("%w; did you mean $%s?", err, near)
		}
		return err
	}
	return nil
}

func hasGroup(pattern *regexp.Regexp, group string) bool {
	if number, err := strconv.Atoi(group); err == nil {
		return number <= pattern.NumSubexp()
	}
	return slices.Contains(pattern.SubexpNames(), group)
}

// groups are a pattern's groups as an expansion names them.
func groups(pattern *regexp.Regexp) string {
	all := slices.Clone(pattern.SubexpNames())
	for i, group := range all {
		if group == "" {
			group = strconv.Itoa(i)
		}
		all[i] = "$" + group
	}
	return strings.Join(all, ", ")
}
