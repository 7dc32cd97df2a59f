// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"time"

	"github.com/spf13/pflag"
)

// defaultSettle is how long changes gather after a run where nobody says otherwise.
const defaultSettle = time.Second

// Flags are the parts of Config that an operator sets on the command line, the same in every program that has an updater.
type Flags struct {
	// Settle is Config.Settle.
	Settle time.Duration
	// NoCrossNamespaceRefs is Config.NoCrossNamespaceRefs.
	NoCrossNamespaceRefs bool
}

// Add adds the flags to fs.
func (f *Flags) Add(fs *pflag.FlagSet) {
	fs.DurationVar(&f.Settle, "settle", defaultSettle, "how long changes gather after a run, so that a burst makes two commits at most")
	fs.BoolVar(&f.NoCrossNamespaceRefs, "no-cross-namespace-refs", false, "refuse automations that refer to a GitRepository of another namespace")
}
