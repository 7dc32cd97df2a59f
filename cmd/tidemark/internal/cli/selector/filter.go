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
		return nil, fmt.Errorf("--filter-regex is an invalid regex pattern: %w", err)
	}
	if err := checkExtract(pattern, f.filterExtract); err != nil {
		return nil, err
	}
	return &resolverv1.TagFilter{Pattern: f.filterRegex, Extract: f.filterExtract}, nil
}

// reference of a group in an expansion, as Go's regexp reads it: `$name` takes letters, digits and underscores as far as
// they go, `${name}` to the brace; `$$` is a dollar.
var groupReference = regexp.MustCompile(`\$(?:\$|(\w+)|\{(\w+)\})`)

// checkExtract says which group an expansion names that the pattern does not have: it would expand to nothing.
func checkExtract(pattern *regexp.Regexp, extract string) error {
	for _, match := range groupReference.FindAllStringSubmatch(extract, -1) {
		group := match[1] + match[2]
		if group != "" && !hasGroup(pattern, group) {
			return fmt.Errorf("--filter-extract refers to the group '%s', which --filter-regex does not have; it has %s",
				group, groups(pattern))
		}
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
