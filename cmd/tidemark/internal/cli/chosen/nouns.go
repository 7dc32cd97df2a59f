// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package chosen

import (
	"github.com/spf13/cobra"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/group"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Nouns are flux's nouns below a verb that acts on chosen objects. The texts are what the groups `image` and `source` are
// for; noun makes the command for the objects of a kind, or of several.
func Nouns(image, source string, noun func(word string, aliases []string, of ...kinds.Kind) *cobra.Command) []*cobra.Command {
	return []*cobra.Command{
		group.Command(cobra.Command{Use: "image", Aliases: []string{"images"}, Short: image},
			noun("repository", []string{"repositories", "repo", "repos"}, kinds.ImageRepository()),
			noun("policy", []string{"policies"}, kinds.ImagePolicy()),
			noun("update", []string{"updates"}, kinds.ImageUpdateAutomation()),
			noun("all", nil, kinds.ImageRepository(), kinds.ImagePolicy(), kinds.ImageUpdateAutomation())),
		group.Command(cobra.Command{Use: "source", Aliases: []string{"sources"}, Short: source},
			noun("git", nil, kinds.GitRepository())),
		noun("receiver", []string{"receivers"}, kinds.Receiver()),
	}
}
