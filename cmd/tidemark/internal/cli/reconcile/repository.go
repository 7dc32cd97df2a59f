// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"

	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// scan scans an ImageRepository.
func scan(ctx context.Context, conn grpc.ClientConnInterface, t target, progress terminal.Progress) error {
	progress.Action("scanning ImageRepository %s in %s namespace", t.name, t.namespace)
	answer, err := scannerv1.NewImageRepositoryServiceClient(conn).ScanImageRepository(ctx,
		&scannerv1.ScanImageRepositoryRequest{Namespace: t.namespace, Name: t.name})
	if err != nil {
		return err
	}
	progress.Success("scan fetched %d tags", answer.GetResult().GetTagCount())
	return nil
}
