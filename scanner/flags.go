// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

const (
	defaultPageSize     = 1000
	defaultMaxTagShrink = 0.5
	defaultHookListen   = "127.0.0.1:9110"
)

// Flags are the parts of Config that an operator sets on the command line, the same in every program that has a scanner.
type Flags struct {
	// PageSize is Config.PageSize.
	PageSize int
	// MaxTagShrink is Config.MaxTagShrink.
	MaxTagShrink float64
	// HookListen is the address of Config.Hooks; empty: none.
	HookListen string
}

// Add adds the flags to fs.
func (f *Flags) Add(fs *pflag.FlagSet) {
	fs.IntVar(&f.PageSize, "page-size", defaultPageSize, "how many tags a registry is asked for at once; one that sends fewer is asked for the rest")
	f.MaxTagShrink = defaultMaxTagShrink
	fs.Var((*share)(&f.MaxTagShrink), "max-tag-shrink",
		"hold a listing back that lost more than this part of over 20 tags, until it is confirmed; 1: never")
	fs.StringVar(&f.HookListen, "hook-listen", defaultHookListen, "HTTP address of the webhooks; empty: none are taken")
}

// share is a flag's number above 0 and up to 1.
type share float64

// Set implements pflag.Value.
func (s *share) Set(text string) error {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || !validShare(number) {
		return fmt.Errorf("%q is no number above 0 and up to 1", text)
	}
	*s = share(number)
	return nil
}

// String implements pflag.Value.
func (s *share) String() string { return strconv.FormatFloat(float64(*s), 'g', -1, 64) }

// Type implements pflag.Value.
func (s *share) Type() string { return "share" }

// validShare is false for what is no number, too.
func validShare(number float64) bool { return number > 0 && number <= 1 }
