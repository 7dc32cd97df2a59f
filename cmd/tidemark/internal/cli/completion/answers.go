// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package completion

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/platform/manifest"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

const (
	// patience is how long a person waits for a word.
	patience = time.Second
	// most is how many words are offered, and longest how many bytes are told of one.
	most    = 1000
	longest = 80
)

// answers are the words that the servers and the file of contexts know.
type answers struct {
	servers *connection.Servers
}

const noFiles = cobra.ShellCompDirectiveNoFileComp

// objects are the names of a kind's objects, in the namespace that the flags name; those given already only where a command
// takes several.
func (a *answers) objects(kind kinds.Kind, several bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && !several {
			return nil, noFiles
		}
		var words []cobra.Completion
		for _, o := range a.list(cmd, kind, a.namespace(cmd)) {
			name := o.GetMetadata().GetName()
			if strings.HasPrefix(name, begin) && !slices.Contains(args, name) {
				words = append(words, cobra.CompletionWithDesc(name, told(o)))
			}
		}
		return words[:min(len(words), most)], noFiles
	}
}

// told is what is told of an object beside its name.
func told(o kinds.Object) string {
	text := terminal.Clean(kinds.Ready(o).GetMessage())
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// namespace is the one to look in; empty: all.
func (a *answers) namespace(cmd *cobra.Command) string {
	if all := cmd.Flags().Lookup("all-namespaces"); all != nil && all.Value.String() == "true" {
		return ""
	}
	if namespace, err := a.servers.Namespace(cmd.Flags()); err == nil && namespace != "" {
		return namespace
	}
	return manifest.DefaultNamespace
}

// list asks for objects; where that fails there are none.
func (a *answers) list(cmd *cobra.Command, kind kinds.Kind, namespace string) []kinds.Object {
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	defer cancel()
	conn, err := a.servers.To(ctx, kind.Service)
	if err != nil {
		return nil
	}
	objects, err := kind.List(ctx, conn, kinds.Filter{Namespace: namespace})
	if err != nil {
		return nil
	}
	return objects
}

// namespaces are those in which there is something.
func (a *answers) namespaces(cmd *cobra.Command, _ []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var mu sync.Mutex
	var parallel sync.WaitGroup
	found := map[string]bool{}
	for _, kind := range kinds.All() {
		parallel.Go(func() {
			for _, o := range a.list(cmd, kind, "") {
				mu.Lock()
				found[o.GetMetadata().GetNamespace()] = true
				mu.Unlock()
			}
		})
	}
	parallel.Wait()
	return sorted(found, begin), noFiles
}

// anything is KIND/NAME: the kinds first, then the names of one.
func (a *answers) anything(cmd *cobra.Command, _ []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
	noun, _, named := strings.Cut(begin, "/")
	found := map[string]bool{}
	for _, kind := range kinds.All() {
		switch {
		case !named:
			found[kind.Noun+"/"] = true
		case strings.EqualFold(kind.Noun, noun):
			for _, o := range a.list(cmd, kind, a.namespace(cmd)) {
				found[noun+"/"+o.GetMetadata().GetName()] = true
			}
		}
	}
	if !named {
		return sorted(found, begin), noFiles | cobra.ShellCompDirectiveNoSpace
	}
	return sorted(found, begin), noFiles
}

func (a *answers) contexts(_ *cobra.Command, args []string, begin string) ([]cobra.Completion, cobra.ShellCompDirective) {
	found := map[string]bool{}
	for _, name := range a.servers.Contexts() {
		found[name] = len(args) == 0
	}
	return sorted(found, begin), noFiles
}

// sorted are the words that begin so.
func sorted(found map[string]bool, begin string) []cobra.Completion {
	var words []cobra.Completion
	for word, is := range found {
		if is && strings.HasPrefix(word, begin) {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return words[:min(len(words), most)]
}
