// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"

	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
)

// upstream is a resolver whose first policy chooses what the benchmark says; the others never change.
type upstream struct {
	resolverv1.UnimplementedImagePolicyServiceServer
	resolverv1.UnimplementedResolutionServiceServer

	image    string
	address  string
	policies int

	mu       sync.Mutex
	revision int
	tag      string
	changed  chan struct{} // closed and replaced with each choice
}

// startUpstream serves a resolver with so many policies, which have chosen an image's first tag.
func startUpstream(tb testing.TB, image string, policies int) *upstream {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	u := &upstream{
		image: image, address: listener.Addr().String(), policies: policies, tag: firstTag, changed: make(chan struct{}),
	}
	server := grpc.NewServer()
	resolverv1.RegisterImagePolicyServiceServer(server, u)
	resolverv1.RegisterResolutionServiceServer(server, u)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	tb.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return u
}

// choose makes the first policy choose a tag.
func (u *upstream) choose(tag string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tag = tag
	u.revision++
	close(u.changed)
	u.changed = make(chan struct{})
}

// now is what the first policy has chosen, the place of that in the stream, and what is closed when it changes.
func (u *upstream) now() (tag, token string, changed <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tag, strconv.Itoa(u.revision), u.changed
}

func (u *upstream) event(policy int, tag, token string) *resolverv1.WatchImagePoliciesResponse {
	name := policyName(policy)
	return &resolverv1.WatchImagePoliciesResponse{
		ResumeToken: token,
		Event: &resolverv1.WatchImagePoliciesResponse_Changed{Changed: &resolverv1.ImagePolicy{
			Metadata: &metav1.ObjectMeta{Namespace: namespace, Name: name, Uid: name, Generation: 1},
			Spec:     &resolverv1.ImagePolicySpec{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: name}},
			Status:   &resolverv1.ImagePolicyStatus{LatestRef: &resolverv1.ImageRef{Name: u.image, Tag: tag}},
		}},
	}
}

// WatchImagePolicies sends all policies, a checkpoint, and the first again with each choice.
func (u *upstream) WatchImagePolicies(
	_ *resolverv1.WatchImagePoliciesRequest, stream grpc.ServerStreamingServer[resolverv1.WatchImagePoliciesResponse],
) error {
	for i := 1; i < u.policies; i++ {
		if err := stream.Send(u.event(i, firstTag, "")); err != nil {
			return err
		}
	}
	tag, token, changed := u.now()
	checkpoint := &resolverv1.WatchImagePoliciesResponse{
		ResumeToken: token, Event: &resolverv1.WatchImagePoliciesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}},
	}
	err := errors.Join(stream.Send(u.event(0, tag, "")), stream.Send(checkpoint))
	for err == nil {
		select {
		case <-stream.Context().Done():
			return nil
		case <-changed:
			tag, token, changed = u.now()
			err = stream.Send(u.event(0, tag, token))
		}
	}
	return err
}

// CompareTags says that what is proposed is newer: each choice of these benchmarks is.
func (u *upstream) CompareTags(context.Context, *resolverv1.CompareTagsRequest) (*resolverv1.CompareTagsResponse, error) {
	return &resolverv1.CompareTagsResponse{Comparison: resolverv1.Comparison_COMPARISON_NEWER, Reason: "it is newer"}, nil
}
