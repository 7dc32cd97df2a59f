// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"regexp"
)

const (
	maxExclusions       = 25
	maxExclusionPattern = 1024 // bytes
)

// ErrInvalidExclusion marks every error of CompileExclusions.
var ErrInvalidExclusion = errors.New("invalid exclusion list")

// Exclusions decides which tags of a repository do not count. The zero value
// excludes nothing.
type Exclusions struct {
	patterns []string
	compiled []*regexp.Regexp
}

// DefaultPatterns is the exclusion list of a repository that sets none: cosign's
// signatures, and the tags that stand for an image's signature, attestation,
// bill of materials or referrers.
func DefaultPatterns() []string {
	return []string{`^.*\.sig$`, `^sha256-[0-9a-f]+(\.(sig|att|sbom))?$`}
}

// CompileExclusions compiles an exclusion list: at most 25 unanchored RE2
// patterns of at most 1,024 bytes. An empty list excludes nothing; the caller
// puts DefaultPatterns where the list is absent. Errors are
// ErrInvalidExclusion and name the pattern.
func CompileExclusions(patterns []string) (Exclusions, error) {
	if len(patterns) > maxExclusions {
		return Exclusions{}, fmt.Errorf("%w: %d patterns, at most %d are allowed",
			ErrInvalidExclusion, len(patterns), maxExclusions)
	}
	e := Exclusions{patterns: append([]string(nil), patterns...)}
	for i, pattern := range patterns {
		if len(pattern) > maxExclusionPattern {
			return Exclusions{}, fmt.Errorf("%w: pattern %d is longer than %d bytes",
				ErrInvalidExclusion, i+1, maxExclusionPattern)
		}
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			return Exclusions{}, fmt.Errorf("%w: pattern %q: %w", ErrInvalidExclusion, pattern, err)
		}
		e.compiled = append(e.compiled, compiled)
	}
	return e, nil
}

// Excluded tells whether a pattern matches somewhere in the tag.
func (e Exclusions) Excluded(tag string) bool {
	for _, pattern := range e.compiled {
		if pattern.MatchString(tag) {
			return true
		}
	}
	return false
}

// Patterns is the list as it was given, for status.observedExclusionList.
func (e Exclusions) Patterns() []string { return append([]string(nil), e.patterns...) }
