// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

const benchNamespace = "bench"

// calm is an interval that does not come round while a benchmark runs.
const calm = 24 * time.Hour

// client talks to a scanner, wherever it runs.
type client struct {
	scannerv1.ImageRepositoryServiceClient
}

func newClient(conn grpc.ClientConnInterface) client {
	return client{scannerv1.NewImageRepositoryServiceClient(conn)}
}

// apply applies the repositories.
func (c client) apply(tb testing.TB, n int, interval time.Duration, image func(i int) string) {
	tb.Helper()
	each(tb, n, func(ctx context.Context, i int) error {
		_, err := c.ApplyImageRepository(ctx, &scannerv1.ApplyImageRepositoryRequest{ImageRepository: &scannerv1.ImageRepository{
			Metadata: &metav1.ObjectMeta{Namespace: benchNamespace, Name: repositoryName(i)},
			Spec: &scannerv1.ImageRepositorySpec{
				Image: image(i), Interval: durationpb.New(interval), Timeout: durationpb.New(time.Hour),
			},
		}})
		return err
	})
}

// awaitTags waits until each of n repositories says that its last scan found so many tags. A scan that failed ends the
// benchmark.
func (c client) awaitTags(tb testing.TB, n, tags int) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	stream, err := c.WatchImageRepositories(ctx, &scannerv1.WatchImageRepositoriesRequest{Namespace: benchNamespace})
	if err != nil {
		tb.Fatal(err)
	}
	for done := map[string]bool{}; len(done) < n; {
		event, err := stream.Recv()
		if err != nil {
			tb.Fatalf("%d of %d repositories are scanned: %v", len(done), n, err)
		}
		repository := event.GetChanged()
		if err := failure(repository); err != nil {
			tb.Fatal(err)
		}
		if int(repository.GetStatus().GetLastScanResult().GetTagCount()) == tags {
			done[repository.GetMetadata().GetName()] = true
		}
	}
}

// failure is what a repository says of a scan that failed.
func failure(repository *scannerv1.ImageRepository) error {
	for _, condition := range repository.GetStatus().GetConditions() {
		failed := condition.GetType() == "Ready" && condition.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE
		if failed {
			return fmt.Errorf("%s: %s", repository.GetMetadata().GetName(), condition.GetMessage())
		}
	}
	return nil
}

// scan asks for a scan of each of n repositories, several at once, and waits for the answers.
func (c client) scan(tb testing.TB, n, tags int) {
	tb.Helper()
	each(tb, n, func(ctx context.Context, i int) error {
		response, err := c.ScanImageRepository(ctx, &scannerv1.ScanImageRepositoryRequest{
			Namespace: benchNamespace, Name: repositoryName(i),
		})
		if err != nil {
			return err
		}
		if found := int(response.GetResult().GetTagCount()); found != tags {
			return fmt.Errorf("%s has %d tags, want %d", repositoryName(i), found, tags)
		}
		return nil
	})
}
