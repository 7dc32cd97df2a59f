// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Command is `tidemark config`.
func Command(getenv func(string) string) *cobra.Command {
	v := &verb{getenv: getenv}
	return group.Command(cobra.Command{
		Use:   "config",
		Short: "Name the servers you work with, and choose among them",
		Long: `Name the servers you work with, and choose among them. A context says where the services are, how TLS is spoken to them,
where your bearer token comes from, and your default namespace. Contexts are kept in ~/.config/tidemark/config.yaml
(TIDEMARK_CONTEXTS or XDG_CONFIG_HOME name another place). A flag is stronger than the environment, that than the context,
that than the default.`,
		Example: `  tidemark config set production --server tidemark.example.com:9000 --tls-ca-file ca.pem --token-file token
  tidemark config use production
  tidemark get image all --context staging`,
	}, v.use(), v.list(), v.view(), v.set(), v.remove())
}

type verb struct {
	getenv func(string) string
}

func (v *verb) load() (*File, error) { return Load(Path(v.getenv)) }

// edit changes a file that has the context, and saves it.
func (v *verb) edit(context string, change func(*File)) error {
	file, err := v.load()
	if err != nil {
		return err
	}
	if _, err := file.Context(context); err != nil {
		return err
	}
	change(file)
	return file.Save()
}

func (v *verb) use() *cobra.Command {
	return &cobra.Command{
		Use:     "use NAME",
		Short:   "Use a context from now on",
		Example: "  tidemark config use production",
		Args:    oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.edit(args[0], func(file *File) { file.Current = args[0] }); err != nil {
				return err
			}
			terminal.New(cmd.ErrOrStderr()).Success("context %s is used from now on", args[0])
			return nil
		},
	}
}

func (v *verb) list() *cobra.Command {
	var noHeader bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the contexts",
		Example: "  tidemark config list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := v.load()
			if err != nil {
				return err
			}
			if len(file.Contexts) == 0 {
				terminal.New(cmd.ErrOrStderr()).Warning("there are no contexts; see `tidemark config set --help`")
				return nil
			}
			return file.table(cmd.OutOrStdout(), v.getenv(ContextVariable), noHeader)
		},
	}
	cmd.Flags().BoolVar(&noHeader, "no-header", false, "leave out the table's header")
	return cmd
}

// table lists the contexts; the one that the environment names is the current one.
func (f *File) table(out io.Writer, current string, noHeader bool) error {
	if current == "" {
		current = f.Current
	}
	names := f.Names()
	rows := make([][]string, 0, len(names))
	for _, name := range names {
		c, mark := f.Contexts[name], ""
		if name == current {
			mark = "*"
		}
		server := c.Server
		for _, service := range Services() {
			if address := c.Servers[service]; address != "" {
				server += " " + service + "=" + address
			}
		}
		rows = append(rows, []string{mark, name, server, c.TLS.word(), c.Token.word(), c.Namespace})
	}
	return table.New(out, []string{"CURRENT", "NAME", "SERVER", "TLS", "TOKEN", "NAMESPACE"}, noHeader).Write(rows)
}

func (t TLS) word() string {
	switch {
	case t.Insecure:
		return "insecure"
	case t.CertFile != "":
		return "client certificate"
	case t != TLS{}:
		return "yes"
	default:
		return "beyond loopback"
	}
}

func (t *Token) word() string {
	switch {
	case t == nil:
		return ""
	case t.File != "":
		return "file"
	default:
		return "command"
	}
}

func (v *verb) view() *cobra.Command {
	return &cobra.Command{
		Use:     "view",
		Short:   "Show the contexts as they are stored, without secrets",
		Long:    "Show the contexts as they are stored. A token is not among them; the arguments of commands that print one are left out.",
		Example: "  tidemark config view",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := v.load()
			if err != nil {
				return err
			}
			text, err := file.Text(true)
			if err != nil {
				return err
			}
			if _, err := cmd.OutOrStdout().Write(text); err != nil {
				return fmt.Errorf("write the contexts: %w", err)
			}
			return nil
		},
	}
}

func (v *verb) remove() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "Delete a context",
		Long:    "Delete a context. The files that it names are left alone.",
		Example: "  tidemark config delete staging",
		Args:    oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			progress := terminal.New(cmd.ErrOrStderr())
			if err := v.edit(args[0], func(file *File) {
				delete(file.Contexts, args[0])
				if file.Current == args[0] {
					file.Current = ""
					progress.Warning("it was the current one; no context is used now")
				}
			}); err != nil {
				return err
			}
			progress.Success("context %s deleted", args[0])
			return nil
		},
	}
}

func oneName(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("the name of one context is wanted: %d are given", len(args))
	}
	return CheckName(args[0])
}
