// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package resolve selects one tag, without any stored policy: a policy can be tried before it is created.
package resolve

import (
	"fmt"

	"github.com/spf13/cobra"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/question"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// Command is `tidemark resolve`.
func Command(servers *connection.Servers) *cobra.Command {
	v := &verb{servers: servers}
	cmd := &cobra.Command{
		Use:   "resolve [TAG…]",
		Short: "Select the best tag, without creating a policy",
		Long: `Select the best of an image repository's tags, or of tags that are given, by a policy that is not stored anywhere.
Tags in a file (--tags-file) are looked at by this program itself, so that a policy can be tried with no server.`,
		Example: `  # What would this policy select?
  tidemark resolve --image-repo podinfo --select-semver 5.0.x

  # The same with no server, over the tags on standard input
  printf '1.0.0\n1.1.0\n' | tidemark resolve --tags-file - --select-semver 1.x`,
		RunE: v.run,
	}
	servers.AddFlags(cmd.Flags())
	v.question.Add(cmd)
	v.output.Add(cmd.Flags(), "the tag, with the image where there is one")
	cmd.Flags().BoolVar(&v.digest, "digest", false, "look up the tag's digest; with --image-repo")
	return cmd
}

// verb is the command's state: the flags, and where the services are.
type verb struct {
	servers  *connection.Servers
	question question.Flags
	output   output.Form
	digest   bool
}

func (v *verb) run(cmd *cobra.Command, tags []string) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	req, err := v.question.Request(cmd.InOrStdin(), tags)
	if err != nil {
		return err
	}
	if v.digest {
		if req.GetImageRepositoryRef() == nil {
			return fmt.Errorf("--digest needs --image-repo: it is the registry that knows digests")
		}
		req.DigestReflectionPolicy = resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_IF_NOT_PRESENT
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	answerer, err := v.question.Answerer(ctx, v.servers)
	if err != nil {
		return err
	}
	resp, err := answerer.Resolve(ctx, req)
	if err != nil {
		return err
	}
	if !v.output.Own() {
		return v.output.Write(cmd.OutOrStdout(), resp)
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), terminal.Clean(reference(resp.GetLatestRef()))); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// reference is the tag alone where no image is known.
func reference(ref *resolverv1.ImageRef) string {
	text := ref.GetTag()
	if ref.GetName() != "" {
		text = ref.GetName() + ":" + text
	}
	if ref.GetDigest() != "" {
		text += "@" + ref.GetDigest()
	}
	return text
}
