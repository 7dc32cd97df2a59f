// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// unsupported adds a flag that flux has and we do not act on yet, so that the answer is more than `unknown flag`.
func unsupported(flags *pflag.FlagSet, name, short, note string) {
	flags.FuncP(name, short, note, func(string) error { return errors.New(note) })
	flags.Lookup(name).Hidden = true
}

var dnsName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// reference checks a name that a flag gives and makes the reference; empty is nil.
func reference(flag, name string) (*metav1.LocalObjectReference, error) {
	if name == "" {
		return nil, nil
	}
	if !dnsName.MatchString(name) {
		return nil, fmt.Errorf("%s '%s' is no name: lower-case letters, digits, '-' and '.' only", flag, name)
	}
	return &metav1.LocalObjectReference{Name: name}, nil
}

// noBranch are what git takes in no branch's name (git check-ref-format).
var noBranch = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$`)

// branch checks a branch's name; empty is fine.
func branch(flag, name string) error {
	if short, ok := strings.CutPrefix(name, "refs/heads/"); ok {
		return fmt.Errorf("%s '%s' must be a branch's short name; write %s", flag, name, short)
	}
	if noBranch.MatchString(name) {
		return fmt.Errorf("%s '%s' is no branch's name", flag, name)
	}
	return nil
}

// maxDuration is what the contracts take: a year.
const maxDuration = 365 * 24 * time.Hour

// duration checks a duration that must not be negative.
func duration(flag string, d time.Duration) (*durationpb.Duration, error) {
	if d < 0 {
		return nil, fmt.Errorf("%s must not be negative: %s", flag, d)
	}
	if d > maxDuration {
		return nil, fmt.Errorf("%s must not be longer than a year, %s: %s", flag, maxDuration, d)
	}
	return durationpb.New(d), nil
}

// timeout checks a deadline; zero is none.
func timeout(flag string, d time.Duration) (*durationpb.Duration, error) {
	const most = 24 * time.Hour
	switch {
	case d == 0:
		return nil, nil
	case d < time.Millisecond || d > most:
		return nil, fmt.Errorf("%s must be between 1ms and %s: %s", flag, most, d)
	default:
		return durationpb.New(d), nil
	}
}
