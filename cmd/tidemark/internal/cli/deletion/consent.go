// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package deletion

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/chosen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Consent is a person's word that objects are to be deleted: given with a flag, or asked for.
type Consent struct {
	yes, silent bool
}

// ErrNobodyToAsk says that there is no terminal to ask on, nor a flag that makes asking needless.
var ErrNobodyToAsk = errors.New("deleting needs a yes, and standard input is no terminal to ask on: say --yes")

// Add adds --yes, and flux's --silent.
func (c *Consent) Add(flags *pflag.FlagSet) {
	flags.BoolVarP(&c.yes, "yes", "y", false, "delete without asking")
	flags.BoolVarP(&c.silent, "silent", "s", false, "the same as --yes, as flux calls it")
}

// Possible says, before anything is looked up, whether consent can be had. Errors: ErrNobodyToAsk.
func (c *Consent) Possible(in io.Reader) error {
	if c.yes || c.silent || terminal.Asks(in) {
		return nil
	}
	return ErrNobodyToAsk
}

// Ask asks whether the objects are to be deleted, unless a flag says so; named: the person has just named each. Errors:
// terminal.ErrAborted.
func (c *Consent) Ask(ctx context.Context, progress terminal.Progress, in io.Reader, named bool, all []chosen.Object) error {
	if c.yes || c.silent {
		return nil
	}
	if len(all) > 1 || !named {
		for _, o := range all {
			progress.Plain("  " + o.Kind.Resource + "/" + o.Namespace() + "/" + o.Name())
		}
	}
	if len(all) == 1 {
		return progress.Confirm(ctx, in, "Are you sure you want to delete this "+all[0].Kind.Human+"?")
	}
	return progress.Confirm(ctx, in, "Are you sure you want to delete these "+terminal.Count(len(all), "object")+"?")
}
