// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// A watcher that resumes from its last token sees each later change once, and loses none, though the program that it
// watches is killed again and again.
func TestAWatcherResumesOverKills(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w := suite.NewWorld(t, s.kind, harness.Options{})
		w.Push(t, "app", "1.0.0")
		w.Apply(t, w.RepositoryManifest("app", "app", "1s")+"---\n"+harness.PolicyManifest("app", "app", "1.x"))
		w.AwaitCondition(t, harness.Policy("app"), harness.Ready("resolved to 1.0.0"))

		const last = 12
		ctx, stop := context.WithCancel(t.Context())
		watched := make(chan error, 1)
		go func() { watched <- watchTags(ctx, w, fmt.Sprintf("1.%d.0", last)) }()
		resolver := w.Process(harness.Resolver)
		for minor := 1; minor <= last; minor++ {
			w.Push(t, "app", fmt.Sprintf("1.%d.0", minor))
			if minor%3 == 0 {
				if err := resolver.Kill(); err != nil {
					t.Fatal(err)
				}
				resolver.Start(t)
				w.AwaitServing(t)
			}
			w.AwaitCondition(t, harness.Policy("app"), harness.Ready(fmt.Sprintf("resolved to 1.%d.0", minor)))
		}
		harness.Await(t, "the watcher's last change", func(context.Context) error {
			select {
			case err := <-watched:
				if err != nil {
					t.Fatal(err)
				}
				return nil
			default:
				return fmt.Errorf("it has not seen 1.%d.0", last)
			}
		})
		stop()
	})
}

// watchTags follows the policies from token to token until the answer is want. An answer that comes twice, or goes back,
// is an error.
func watchTags(ctx context.Context, w *harness.World, want string) error {
	var token string
	var seen *resolverv1.ImagePolicy
	for ctx.Err() == nil {
		stream, err := w.Policies().WatchImagePolicies(ctx, &resolverv1.WatchImagePoliciesRequest{ResumeToken: token},
			grpc.WaitForReady(true))
		for err == nil {
			var event *resolverv1.WatchImagePoliciesResponse
			if event, err = stream.Recv(); err != nil {
				break // it was killed: resume
			}
			if policy := event.GetChanged(); policy != nil {
				if proto.Equal(policy, seen) {
					return fmt.Errorf("one change came twice: %v", policy)
				}
				if before, now := tagOf(seen), tagOf(policy); versionOf(now) < versionOf(before) {
					return fmt.Errorf("the answer went back from %s to %s", before, now)
				}
				seen = policy
			}
			if next := event.GetResumeToken(); next != "" {
				token = next
			}
			if tagOf(seen) == want && token != "" {
				return nil
			}
		}
	}
	return ctx.Err()
}

func tagOf(policy *resolverv1.ImagePolicy) string { return policy.GetStatus().GetLatestRef().GetTag() }

// versionOf is the middle number of a tag 1.<n>.0; -1 for no tag.
func versionOf(tag string) int {
	minor := -1
	_, _ = fmt.Sscanf(tag, "1.%d.0", &minor) // what is no version stays -1
	return minor
}
