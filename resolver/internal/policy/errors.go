// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "errors"

var (
	// ErrNoTags says that there was nothing to choose from: no tags, or none that the filter matches.
	ErrNoTags = errors.New("version list argument cannot be empty")
	// ErrNoneEligible says that tags were there, but none that could be parsed and is in range.
	ErrNoneEligible = errors.New("unable to determine latest version from provided list")
)

// FieldError says which field of a Spec is wrong, and why. Compile returns no other error; trying again is of no use.
type FieldError struct {
	// Field is the path in the manifest below spec, for example `policy.semver.range`.
	Field string
	// Reason is a sentence without the field, for example `improper constraint: "1.2.3.4"`.
	Reason string
}

// Error joins path and reason.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }
