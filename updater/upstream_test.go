// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Masterminds/semver/v3"
	"google.golang.org/grpc"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/object/objectapi"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/platform/store"
)

// upstream is a resolver that chooses what the test says, served over TCP, so that it can die and come back.
type upstream struct {
	resolverv1.UnimplementedImagePolicyServiceServer
	resolverv1.UnimplementedResolutionServiceServer
	t        *testing.T
	policies *object.Store[*resolverv1.ImagePolicy]
	conn     *grpc.ClientConn
	address  string
	stop     func()
	// compared is how often two tags were compared.
	compared atomic.Int32
}

func newUpstream(t *testing.T, st *store.Store) *upstream {
	t.Helper()
	u := &upstream{t: t, policies: object.NewStore(st.Scoped("resolver"), object.Kind[*resolverv1.ImagePolicy]{
		Plural: "imagepolicies", Noun: "ImagePolicy", New: func() *resolverv1.ImagePolicy { return &resolverv1.ImagePolicy{} },
	})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = u.policies.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	u.serve()
	conn, err := dial.Dial(t.Context(), u.address, dial.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u.conn = conn
	t.Cleanup(func() { _ = conn.Close() })
	return u
}

// serve starts the server, at its address if it had one before.
func (u *upstream) serve() {
	u.t.Helper()
	listen := u.address
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	s, err := server.New(u.t.Context(), server.Config{Listen: listen, Telemetry: grpctest.Telemetry(u.t, nil)})
	if err != nil {
		u.t.Fatal(err)
	}
	resolverv1.RegisterImagePolicyServiceServer(s.GRPC(), u)
	resolverv1.RegisterResolutionServiceServer(s.GRPC(), u)
	u.address = s.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			u.t.Errorf("serve the resolver: %v", err)
		}
	}()
	u.stop = func() { cancel(); <-done }
	u.t.Cleanup(u.stop)
}

func (u *upstream) WatchImagePolicies(
	req *resolverv1.WatchImagePoliciesRequest, stream grpc.ServerStreamingServer[resolverv1.WatchImagePoliciesResponse],
) error {
	return objectapi.WatchRequested(stream.Context(), u.policies, req, stream.Send,
		func(e object.Event[*resolverv1.ImagePolicy]) *resolverv1.WatchImagePoliciesResponse {
			r := &resolverv1.WatchImagePoliciesResponse{ResumeToken: e.ResumeToken}
			switch {
			case e.Changed != nil:
				r.Event = &resolverv1.WatchImagePoliciesResponse_Changed{Changed: e.Changed}
			case e.Deleted != nil:
				r.Event = &resolverv1.WatchImagePoliciesResponse_Deleted{Deleted: objectapi.Deleted(e)}
			default:
				r.Event = &resolverv1.WatchImagePoliciesResponse_Checkpoint{Checkpoint: &metav1.Checkpoint{}}
			}
			return r
		})
}

// CompareTags answers as a semver policy without bounds does.
func (u *upstream) CompareTags(_ context.Context, req *resolverv1.CompareTagsRequest) (*resolverv1.CompareTagsResponse, error) {
	u.compared.Add(1)
	current, err := semver.NewVersion(req.GetCurrent())
	if err != nil {
		return &resolverv1.CompareTagsResponse{Comparison: resolverv1.Comparison_COMPARISON_CURRENT_NOT_ELIGIBLE}, nil //nolint:nilerr // that is the answer
	}
	proposed, err := semver.NewVersion(req.GetProposed())
	if err != nil {
		return nil, err
	}
	comparison := resolverv1.Comparison_COMPARISON_EQUAL
	switch proposed.Compare(current) {
	case 1:
		comparison = resolverv1.Comparison_COMPARISON_NEWER
	case -1:
		comparison = resolverv1.Comparison_COMPARISON_OLDER
	}
	return &resolverv1.CompareTagsResponse{Comparison: comparison, Reason: "said the test's resolver"}, nil
}

// choose makes the policy choose `name:tag[@digest]`, by a scan of the trace; empty: it has chosen nothing yet.
func (u *upstream) choose(policy, image string, more ...func(*resolverv1.ImagePolicy)) {
	u.t.Helper()
	p := &resolverv1.ImagePolicy{
		Metadata: &metav1.ObjectMeta{Name: policy},
		Spec:     &resolverv1.ImagePolicySpec{ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: policy}},
		Status:   &resolverv1.ImagePolicyStatus{},
	}
	if image != "" {
		name, rest, _ := strings.Cut(image, ":")
		tag, digest, _ := strings.Cut(rest, "@")
		p.Status.LatestRef = &resolverv1.ImageRef{Name: name, Tag: tag, Digest: digest}
	}
	for _, f := range more {
		f(p)
	}
	stored, _, err := u.policies.Apply(u.t.Context(), p, object.ApplyOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err := u.policies.UpdateStatus(u.t.Context(), object.KeyOfMeta(stored.GetMetadata()), "", func(now *resolverv1.ImagePolicy) error {
		now.Status = p.GetStatus()
		now.Status.ObservedGeneration = now.GetMetadata().GetGeneration()
		return nil
	}); err != nil {
		u.t.Fatal(err)
	}
}

func traced(traceparent string) func(*resolverv1.ImagePolicy) {
	return func(p *resolverv1.ImagePolicy) { p.Status.Trace = &metav1.TraceContext{Traceparent: traceparent} }
}

func labelled(labels map[string]string) func(*resolverv1.ImagePolicy) {
	return func(p *resolverv1.ImagePolicy) { p.Metadata.Labels = labels }
}

// meant changes the policy's spec, as somebody does who wants another answer.
func meant(word string) func(*resolverv1.ImagePolicy) {
	return func(p *resolverv1.ImagePolicy) {
		p.Spec.FilterTags = &resolverv1.TagFilter{Pattern: word}
	}
}
