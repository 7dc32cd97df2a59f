// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// change is what `tidemark config set` is told; only flags that are given change anything.
type change struct {
	Context
	scanner, resolver, updater string
	token                      Token
	use                        bool
}

func (v *verb) set() *cobra.Command {
	c := &change{}
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Make a context, or change what the flags name",
		Long: `Make a context, or change what the flags name and leave the rest; an empty value takes a setting away. The first context is
used at once. The file is written anew, without the comments that it had.`,
		Example: `  tidemark config set local --server 127.0.0.1:9000
  tidemark config set production --server tidemark.example.com:9000 --tls-ca-file ca.pem --namespace apps

  # A token that a program prints; each argument has its own flag, and no shell reads them
  tidemark config set production --token-command gcloud --token-command auth --token-command print-identity-token

  # Three programs
  tidemark config set split --scanner-server scanner:9001 --resolver-server resolver:9002 --updater-server updater:9003`,
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error { return v.change(cmd, args[0], c) },
	}
	c.add(cmd.Flags())
	return cmd
}

func (c *change) add(flags *pflag.FlagSet) {
	flags.StringVar(&c.Server, "server", "", "address of the server, host:port")
	flags.StringVar(&c.scanner, "scanner-server", "", "address of the scanner where it is a program of its own")
	flags.StringVar(&c.resolver, "resolver-server", "", "address of the resolver where it is a program of its own")
	flags.StringVar(&c.updater, "updater-server", "", "address of the updater where it is a program of its own")
	flags.StringVar(&c.TLS.CAFile, "tls-ca-file", "", "PEM file with the certificates that sign the servers'")
	flags.StringVar(&c.TLS.CertFile, "tls-cert-file", "", "PEM file with the certificate that identifies the client")
	flags.StringVar(&c.TLS.KeyFile, "tls-key-file", "", "PEM file with the key of --tls-cert-file")
	flags.StringVar(&c.TLS.ServerName, "tls-server-name", "", "name in the servers' certificate (default: the address's host)")
	flags.BoolVar(&c.TLS.Insecure, "insecure", false, "speak plaintext beyond loopback too")
	flags.StringVar(&c.token.File, "token-file", "", "file that holds the bearer token; read at each use")
	flags.StringArrayVar(&c.token.Command, "token-command", nil, "program that prints the bearer token; again for each of its arguments")
	flags.DurationVar(&c.token.Timeout, "token-timeout", 0, "how long that program may take (default 10s)")
	flags.StringVarP(&c.Namespace, "namespace", "n", "", "namespace where no flag names one (default flux-system)")
	flags.BoolVar(&c.use, "use", false, "use the context from now on")
}

func (v *verb) change(cmd *cobra.Command, name string, c *change) error {
	file, err := v.load()
	if err != nil {
		return err
	}
	old := file.Contexts[name]
	done := "changed"
	if old == nil {
		old, done = &Context{}, "made"
	}
	if err := c.apply(cmd.Flags(), old); err != nil {
		return err
	}
	file.Contexts[name] = old
	if c.use || len(file.Contexts) == 1 {
		file.Current = name
	}
	if err := file.Save(); err != nil {
		return err
	}
	progress := terminal.New(cmd.ErrOrStderr())
	if file.Current == name {
		progress.Success("context %s %s in %s, and used from now on", name, done, file.Path)
	} else {
		progress.Success("context %s %s in %s; `tidemark config use %s` uses it", name, done, file.Path, name)
	}
	return nil
}

// apply changes a context as the flags say that are given.
func (c *change) apply(flags *pflag.FlagSet, to *Context) error {
	for _, text := range []struct {
		flag string
		from string
		to   *string
	}{
		{"server", c.Server, &to.Server},
		{"tls-server-name", c.TLS.ServerName, &to.TLS.ServerName},
		{"namespace", c.Namespace, &to.Namespace},
	} {
		if flags.Changed(text.flag) {
			*text.to = text.from
		}
	}
	if flags.Changed("insecure") {
		to.TLS.Insecure = c.TLS.Insecure
	}
	c.servers(flags, to)
	for _, path := range []struct {
		flag string
		from string
		to   *string
	}{
		{"tls-ca-file", c.TLS.CAFile, &to.TLS.CAFile},
		{"tls-cert-file", c.TLS.CertFile, &to.TLS.CertFile},
		{"tls-key-file", c.TLS.KeyFile, &to.TLS.KeyFile},
		{"token-file", c.token.File, &c.token.File},
	} {
		if !flags.Changed(path.flag) {
			continue
		}
		if err := absolute(path.flag, path.from, path.to); err != nil {
			return err
		}
	}
	return c.setToken(flags, to)
}

func absolute(flag, from string, to *string) error {
	if from == "" {
		*to = ""
		return nil
	}
	path, err := filepath.Abs(from)
	if err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	*to = path
	return nil
}

func (c *change) servers(flags *pflag.FlagSet, to *Context) {
	for service, address := range map[string]string{"scanner": c.scanner, "resolver": c.resolver, "updater": c.updater} {
		switch {
		case !flags.Changed(service + "-server"):
		case address == "":
			delete(to.Servers, service)
		default:
			if to.Servers == nil {
				to.Servers = map[string]string{}
			}
			to.Servers[service] = address
		}
	}
}

// setToken replaces where the token comes from.
func (c *change) setToken(flags *pflag.FlagSet, to *Context) error {
	file, command, timeout := flags.Changed("token-file"), flags.Changed("token-command"), flags.Changed("token-timeout")
	if timeout && (c.token.Timeout <= 0 || c.token.Timeout > maxTimeout) {
		return fmt.Errorf("--token-timeout is a duration up to %s", maxTimeout)
	}
	switch {
	case file && command:
		return fmt.Errorf("--token-file and --token-command: a token comes from a file or from a command, not from both")
	case file && c.token.File == "", command && len(c.token.Command) == 1 && c.token.Command[0] == "":
		to.Token = nil
	case file:
		to.Token = &Token{File: c.token.File, Timeout: c.token.Timeout}
	case command:
		to.Token = &Token{Command: c.token.Command, Timeout: keep(to.Token, c.token.Timeout)}
	case timeout && to.Token == nil:
		return fmt.Errorf("--token-timeout: the context has no token; name --token-command as well")
	case timeout:
		to.Token.Timeout = c.token.Timeout
	}
	return nil
}

// keep is the timeout that is given, or the old one.
func keep(old *Token, timeout time.Duration) time.Duration {
	if timeout != 0 || old == nil {
		return timeout
	}
	return old.Timeout
}
