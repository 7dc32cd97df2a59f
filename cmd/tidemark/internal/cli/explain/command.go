// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package explain shows for every tag what a policy makes of it and why.
package explain

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/connection"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/output"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/question"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// pageSize is what is asked for at once.
const pageSize = 10_000

// Command is `tidemark explain`. getenv is asked for NO_COLOR.
func Command(servers *connection.Servers, getenv func(string) string) *cobra.Command {
	v := &verb{servers: servers, getenv: getenv}
	cmd := &cobra.Command{
		Use:   "explain [POLICY]",
		Short: "Show what a policy makes of each tag, and why",
		Long: `Show for every tag whether a policy selects it, and if not, why: the best first. The policy is one that is stored, or what
the flags say; tags in a file (--tags-file) are looked at by this program itself, so that no server is needed.`,
		Example: `  # Why does the policy podinfo not select 6.0.0?
  tidemark explain podinfo

  # Try a filter on a list of tags, with no server
  tidemark explain --tags-file tags.txt --select-numeric asc --filter-regex '^main-(?P<ts>[0-9]+)$' --filter-extract '$ts'`,
		Args: cobra.MaximumNArgs(1),
		RunE: v.run,
	}
	servers.AddFlags(cmd.Flags())
	v.question.Add(cmd)
	v.output.Add(cmd.Flags(), "a table")
	cmd.Flags().BoolVar(&v.noHeader, "no-header", false, "leave out the table's header")
	cmd.Flags().IntVar(&v.limit, "limit", 0, "show so many tags at most, the best first (default: all)")
	return cmd
}

// verb is the command's state: the flags, and where the services are.
type verb struct {
	servers  *connection.Servers
	getenv   func(string) string
	question question.Flags
	output   output.Form
	noHeader bool
	limit    int
}

func (v *verb) run(cmd *cobra.Command, args []string) error {
	if err := v.output.Check(); err != nil {
		return err
	}
	if v.limit < 0 {
		return errors.New("--limit is a number of tags; it cannot be negative")
	}
	ctx, cancel := v.servers.WithTimeout(cmd.Context())
	defer cancel()
	req, err := v.request(ctx, cmd, args)
	if err != nil {
		return err
	}
	answerer, err := v.question.Answerer(ctx, v.servers)
	if err != nil {
		return err
	}
	answer, err := v.explain(ctx, answerer, req)
	if err != nil {
		return err
	}
	if !v.output.Own() {
		return v.output.Write(cmd.OutOrStdout(), answer)
	}
	return v.write(cmd.OutOrStdout(), answer)
}

// request is about the stored policy that is named, else what the flags say.
func (v *verb) request(ctx context.Context, cmd *cobra.Command, args []string) (*resolverv1.ResolveRequest, error) {
	if len(args) == 0 {
		return v.question.Request(cmd.InOrStdin(), nil)
	}
	if v.question.Given() {
		return nil, errors.New("a stored policy says itself what it selects: give its name, or flags, but not both")
	}
	conn, err := v.servers.To(ctx, kinds.Resolver)
	if err != nil {
		return nil, err
	}
	resp, err := resolverv1.NewImagePolicyServiceClient(conn).GetImagePolicy(ctx, &resolverv1.GetImagePolicyRequest{
		Name: args[0], Namespace: v.question.Namespace,
	})
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	return requestOf(resp.GetImagePolicy()), nil
}

// requestOf asks what a stored policy asks.
func requestOf(policy *resolverv1.ImagePolicy) *resolverv1.ResolveRequest {
	spec := policy.GetSpec()
	ref, ok := proto.Clone(spec.GetImageRepositoryRef()).(*metav1.NamespacedObjectReference)
	if ok && ref.GetNamespace() == "" {
		ref.Namespace = policy.GetMetadata().GetNamespace()
	}
	return &resolverv1.ResolveRequest{
		Source: &resolverv1.ResolveRequest_ImageRepositoryRef{ImageRepositoryRef: ref},
		Policy: spec.GetPolicy(), FilterTags: spec.GetFilterTags(),
		MinimumAge: spec.GetMinimumAge(), Platforms: spec.GetPlatforms(), Labels: spec.GetLabels(),
	}
}

// explain turns all pages, or as many as are to be shown.
func (v *verb) explain(
	ctx context.Context, answerer question.Answerer, req *resolverv1.ResolveRequest,
) (*resolverv1.ExplainResponse, error) {
	all := &resolverv1.ExplainResponse{}
	for token := ""; ; {
		page, err := answerer.Explain(ctx, &resolverv1.ExplainRequest{Request: req, PageSize: pageSize, PageToken: token})
		if err != nil {
			return nil, err
		}
		all.Considered, all.Rejected = page.GetConsidered(), page.GetRejected()
		all.Verdicts = append(all.Verdicts, page.GetVerdicts()...)
		if v.limit > 0 && len(all.GetVerdicts()) >= v.limit {
			all.Verdicts = all.GetVerdicts()[:v.limit]
			return all, nil
		}
		if token = page.GetNextPageToken(); token == "" {
			return all, nil
		}
	}
}

func (v *verb) write(out io.Writer, answer *resolverv1.ExplainResponse) error {
	rows := make([][]string, len(answer.GetVerdicts()))
	for i, verdict := range answer.GetVerdicts() {
		rows[i] = []string{nameOf(verdict.GetVerdict()), verdict.GetTag(), verdict.GetReason()}
	}
	if terminal.Colours(out, v.getenv) {
		out = &painter{out: out}
	}
	return table.New(out, []string{"VERDICT", "TAG", "REASON"}, v.noHeader).Write(rows)
}
