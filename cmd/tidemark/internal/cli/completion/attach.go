// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Asked says whether a shell asks for completions, rather than a person for an answer.
func Asked(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// Attach teaches all commands below root how their words are completed. It is for a process that completes: no other needs it.
func Attach(root *cobra.Command, servers *connection.Servers) error {
	a := &answers{servers: servers}
	return a.attach(root)
}

func (a *answers) attach(cmd *cobra.Command) error {
	if complete := a.words(cmd); complete != nil && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = complete
	}
	var failed error
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if cmd.InheritedFlags().Lookup(flag.Name) == flag {
			return // its owner's
		}
		if _, there := cmd.GetFlagCompletionFunc(flag.Name); there {
			return
		}
		if complete := a.flag(cmd, flag); complete != nil {
			if err := cmd.RegisterFlagCompletionFunc(flag.Name, complete); err != nil && failed == nil {
				failed = err
			}
		}
	})
	for _, child := range cmd.Commands() {
		if err := a.attach(child); err != nil {
			return err
		}
	}
	return failed
}

// words are a command's arguments; nil: it has none that are known.
func (a *answers) words(cmd *cobra.Command) cobra.CompletionFunc {
	path := strings.Fields(cmd.CommandPath())[1:]
	if len(path) == 0 || cmd.HasSubCommands() {
		return nil
	}
	if path[0] == "config" {
		if strings.HasSuffix(cmd.Use, " NAME") {
			return a.contexts
		}
		return cobra.NoFileCompletions
	}
	noun, ok := nouns()[strings.Join(path[min(1, len(path)-1):], " ")]
	if !ok || path[0] == "create" { // what is created has no name yet
		return cobra.NoFileCompletions
	}
	return a.objects(noun, strings.Contains(cmd.Use, "…"))
}

// nouns are the kinds whose names follow the words of a command after the verb.
func nouns() map[string]kinds.Kind {
	return map[string]kinds.Kind{
		"image repository": kinds.ImageRepository(),
		"image policy":     kinds.ImagePolicy(),
		"image update":     kinds.ImageUpdateAutomation(),
		"automation":       kinds.ImageUpdateAutomation(),
		"source git":       kinds.GitRepository(),
		"receiver":         kinds.Receiver(),
		"explain":          kinds.ImagePolicy(),
		"image":            kinds.ImageRepository(), // trace image
	}
}

// flag is how a flag's value is completed; nil: by the names of files.
func (a *answers) flag(cmd *cobra.Command, flag *pflag.Flag) cobra.CompletionFunc {
	switch flag.Name {
	case "namespace", "git-repo-namespace":
		return a.namespaces
	case "context":
		return a.contexts
	case "image-ref", "image-repo":
		return a.objects(kinds.ImageRepository(), true)
	case "git-repo-ref":
		return a.objects(kinds.GitRepository(), true)
	case "for":
		if cmd.Name() == "events" {
			return a.anything
		}
	}
	if values := values(cmd, flag.Name); values != nil {
		return among(values)
	}
	for _, word := range []string{"file", "filename", "dir", "path", "manifests", "config", "commit-template", "command"} {
		if flag.Name == word || strings.HasSuffix(flag.Name, "-"+word) {
			return nil
		}
	}
	return cobra.NoFileCompletions
}

// among completes by words that are known, in their order.
func among(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var found []cobra.Completion
		for _, word := range words {
			if strings.HasPrefix(word, begin) {
				found = append(found, word)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// values are those that a flag takes, where they are few.
func values(cmd *cobra.Command, flag string) []string {
	verb := strings.Fields(cmd.CommandPath() + " x")[1]
	switch flag {
	case "output":
		switch verb {
		case "get", "history":
			return []string{"wide", "json", "yaml", "name"}
		}
		return []string{"json", "yaml"}
	case "select-alpha", "select-numeric":
		return []string{"asc", "desc"}
	case "reflect-digest":
		return []string{"Never", "IfNotPresent", "Always"}
	case "signing-key-type":
		return []string{"gpg", "ssh"}
	case "provider":
		if cmd.Name() == "git" {
			return []string{"generic", "azure", "github"}
		}
		return []string{"generic", "aws", "azure", "gcp"}
	case "outcome":
		return []string{"pushed", "failed", "up-to-date", "running"}
	case "status-selector":
		return []string{"ready=true", "ready=false", "ready=unknown", "stalled=true", "reconciling=true"}
	case "types":
		return []string{"Normal", "Warning"}
	case "platform":
		return []string{"linux/amd64", "linux/arm64", "linux/arm/v7"}
	case "log-level":
		return []string{"debug", "info", "warn", "error"}
	case "log-format":
		return []string{"text", "json"}
	}
	return nil
}
