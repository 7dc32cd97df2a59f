// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package suspend lets objects rest, and wakes them: an operator's word, which is kept beside the manifest's and which no
// Apply changes. It decides nothing; `tidemark get` shows who said what.
package suspend

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/chosen"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/operator"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Command is `tidemark suspend`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers, name: "suspend", act: suspendAll}
	cmd := v.command("Let objects rest until they are resumed", `  # No commits tonight
  tidemark suspend image update flux-system --reason "release freeze"

  # Nothing at all in a namespace
  tidemark suspend image all --all -n apps`)
	cmd.PersistentFlags().StringVar(&v.reason, "reason", "", "why, for everybody to see")
	return cmd
}

// ResumeCommand is `tidemark resume`.
func ResumeCommand(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers, name: "resume", act: resumeAll}
	cmd := v.command("Wake objects that were suspended, and show what they do", `  tidemark resume image update flux-system

  # Write again what somebody has undone in Git
  tidemark resume image update flux-system --force`)
	return cmd
}

// verb is one of the two verbs, and its flags.
type verb struct {
	servers *connection.Servers
	// name is the verb.
	name string
	act  func(ctx context.Context, w *work, chosen []target) error

	which         chosen.Flags
	reason, actor string
	force         bool
}

func (v *verb) command(short, example string) *cobra.Command {
	cmd := group.Command(cobra.Command{Use: v.name, Short: short, Example: example},
		chosen.Nouns(title(v.name)+" image objects", short, v.noun)...)
	v.servers.AddFlags(cmd.PersistentFlags())
	flags := cmd.PersistentFlags()
	v.which.Add(flags, v.name)
	flags.StringVar(&v.actor, "actor", "", "who says so (default: user@host)")
	return cmd
}

func title(verb string) string {
	if verb == "suspend" {
		return "Suspend"
	}
	return "Resume"
}

// noun is the command for objects of a kind, or of several.
func (v *verb) noun(word string, aliases []string, of ...kinds.Kind) *cobra.Command {
	things := "objects of all three kinds"
	if len(of) == 1 {
		things = of[0].Noun + " objects"
	}
	path := v.name + " image " + word
	switch word {
	case "git":
		path = v.name + " source git"
	case "receiver":
		path = v.name + " receiver"
	}
	cmd := &cobra.Command{
		Use: word + " NAME… | --all", Aliases: aliases, Short: title(v.name) + " " + things,
		Example: "  tidemark " + path + " podinfo\n  tidemark " + path + " --all -n apps",
		RunE:    func(cmd *cobra.Command, names []string) error { return v.run(cmd, of, names) },
	}
	if v.name == "resume" && word == "update" {
		cmd.Flags().BoolVar(&v.force, "force", false, "write again what is held because somebody has undone our commits")
	}
	return cmd
}

func (v *verb) run(cmd *cobra.Command, of []kinds.Kind, names []string) error {
	if err := v.check(of, names); err != nil {
		return err
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	w := &work{verb: v, progress: terminal.New(cmd.ErrOrStderr())}
	if w.actor = v.actor; w.actor == "" {
		w.actor = operator.Name()
	}
	chosen, err := w.choose(ctx, of, names)
	if err != nil {
		return err
	}
	if err := v.act(ctx, w, chosen); err != nil {
		return err
	}
	if w.failed {
		return terminal.ErrShown
	}
	return nil
}

func (v *verb) check(of []kinds.Kind, names []string) error {
	noun := "object"
	if len(of) == 1 {
		noun = of[0].Noun
	}
	return v.which.Check(names, fmt.Errorf("%s name is required; for all of the namespace use --all", noun))
}
