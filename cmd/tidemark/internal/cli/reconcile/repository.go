// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// scanner scans ImageRepositories.
type scanner struct {
	// acceptShrink is --accept-shrink.
	acceptShrink bool
}

// command is `tidemark reconcile image repository`.
func (s *scanner) command(v *verb) *cobra.Command {
	cmd := v.noun(kinds.ImageRepository(), "scanning", plain(s.scan), cobra.Command{
		Use:   "repository NAME",
		Short: "Scan an image repository now, and wait for the outcome",
		Example: `  tidemark reconcile image repository podinfo

  # Most of the tags were deleted on purpose
  tidemark reconcile image repository podinfo --accept-shrink`,
	})
	cmd.Flags().BoolVar(&s.acceptShrink, "accept-shrink", false,
		"take the listing also if it lost so many tags that it would be held back")
	return cmd
}

func (s *scanner) scan(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress) error {
	return scan(ctx, conn, &scannerv1.ScanImageRepositoryRequest{Namespace: t.Namespace, Name: t.Name, AcceptShrink: s.acceptShrink}, progress)
}

// Scan scans an ImageRepository, and says how many tags were found.
func Scan(ctx context.Context, conn grpc.ClientConnInterface, t Target, progress terminal.Progress) error {
	return scan(ctx, conn, &scannerv1.ScanImageRepositoryRequest{Namespace: t.Namespace, Name: t.Name}, progress)
}

func scan(
	ctx context.Context, conn grpc.ClientConnInterface, req *scannerv1.ScanImageRepositoryRequest, progress terminal.Progress,
) error {
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).ScanImageRepository(ctx, req)
	if err != nil {
		return err
	}
	progress.Success("scan fetched %d tags", answer.GetResult().GetTagCount())
	return nil
}
