// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestSentinelsAreThemselvesAtTheClient(t *testing.T) {
	for _, sentinel := range []error{
		rpcerr.ErrNotFound, rpcerr.ErrStale, rpcerr.ErrTokenExpired, rpcerr.ErrTokenForeign, rpcerr.ErrSlowConsumer,
		rpcerr.ErrShuttingDown, rpcerr.ErrStoreUnavailable,
	} {
		t.Run(sentinel.Error(), func(t *testing.T) {
			fail := func(context.Context) error { return fmt.Errorf("ns/a: %w", sentinel) }
			conn := grpctest.Serve(t, func(r grpc.ServiceRegistrar) {
				registerPolicies(fail)(r)
				registerTags(tags{watch: fail})(r)
			})
			if err := get(soon(t), conn); !errors.Is(err, sentinel) {
				t.Errorf("unary: %v", err)
			}
			stream, err := scannerv1.NewTagServiceClient(conn).WatchTags(soon(t), &scannerv1.WatchTagsRequest{})
			for err == nil {
				_, err = stream.Recv()
			}
			if !errors.Is(err, sentinel) {
				t.Errorf("stream: %v", err)
			}
		})
	}
}

func TestInvalidFieldsAreNamedAsInManifests(t *testing.T) {
	called := false
	conn := grpctest.Serve(t, registerPolicies(func(context.Context) error { called = true; return nil }))
	_, err := resolverv1.NewImagePolicyServiceClient(conn).ApplyImagePolicy(soon(t), &resolverv1.ApplyImagePolicyRequest{
		ImagePolicy: &resolverv1.ImagePolicy{
			Metadata: &metav1.ObjectMeta{Name: "a", Labels: map[string]string{"l_1": strings.Repeat("x", 64)}},
			Spec: &resolverv1.ImagePolicySpec{
				ImageRepositoryRef: &metav1.NamespacedObjectReference{Name: "Not A Name"},
				Policy:             &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{}}},
			},
		},
	})
	if status.Code(err) != codes.InvalidArgument || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_INVALID_FIELD || called {
		t.Fatalf("got %v, %v, handler called: %t", err, rpcerr.Reason(err), called)
	}
	var paths []string
	for _, v := range rpcerr.FieldViolations(err) {
		paths = append(paths, v.Path)
		if v.Sentence == "" || !strings.Contains(err.Error(), v.Path) {
			t.Errorf("violation %q is not in %q", v, err)
		}
	}
	want := []string{
		`imagePolicy.metadata.labels["l_1"]`, "imagePolicy.spec.imageRepositoryRef.name", "imagePolicy.spec.policy.semver.range",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

func TestStreamRequestsAreValidated(t *testing.T) {
	conn := grpctest.Serve(t, registerTags(tags{watch: func(context.Context) error { return nil }}))
	stream, err := scannerv1.NewTagServiceClient(conn).WatchTags(soon(t), &scannerv1.WatchTagsRequest{Namespace: strings.Repeat("x", 64)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	if got := rpcerr.FieldViolations(err); len(got) != 1 || got[0].Path != "namespace" {
		t.Errorf("got %v, from %v", got, err)
	}
}

func TestPanicIsInternalAndTheServerLives(t *testing.T) {
	var log lines
	answer := func(context.Context) error { panic(context.Canceled) }
	conn := grpctest.Serve(t, func(r grpc.ServiceRegistrar) {
		registerPolicies(func(ctx context.Context) error { return answer(ctx) })(r)
		registerTags(tags{watch: func(context.Context) error { panic("in a stream") }})(r)
	}, grpctest.WithLog(&log))

	err := get(soon(t), conn)
	checkDefect(t, err, &log, "GetImagePolicy")
	if !strings.Contains(log.String(), "chain_test.go") {
		t.Errorf("no stack in the log: %s", log.String())
	}

	stream, err := scannerv1.NewTagServiceClient(conn).WatchTags(soon(t), &scannerv1.WatchTagsRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	checkDefect(t, err, &log, "WatchTags")

	answer = func(context.Context) error { return nil }
	if err := get(soon(t), conn); err != nil {
		t.Errorf("after the panics: %v", err)
	}
}

func TestInternalErrorStaysInTheLogUnderItsTraceID(t *testing.T) {
	var log lines
	conn := grpctest.Serve(t, registerPolicies(func(context.Context) error { return errors.New("driver said: secret detail") }),
		grpctest.WithLog(&log))
	err := get(soon(t), conn)
	if strings.Contains(err.Error(), "secret detail") {
		t.Errorf("leaked: %v", err)
	}
	checkDefect(t, err, &log, "secret detail")
	if n := strings.Count(log.String(), "secret detail"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

var traceID = regexp.MustCompile(`trace id ([0-9a-f]{32})`)

// checkDefect wants err to be INTERNAL, with a trace id that is in a line of the log together with word.
func checkDefect(t *testing.T, err error, log *lines, word string) {
	t.Helper()
	id := traceID.FindStringSubmatch(fmt.Sprint(err))
	if status.Code(err) != codes.Internal || rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_INTERNAL || id == nil {
		t.Fatalf("got %v", err)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"trace_id":"`+id[1]+`"`) && strings.Contains(line, word) {
			return
		}
	}
	t.Errorf("no line with %s and %s in %s", id[1], word, log.String())
}

func TestEveryErrorHasDetails(t *testing.T) {
	conn := grpctest.Serve(t, registerPolicies(func(context.Context) error { return nil }))
	_, unregistered := scannerv1.NewTagServiceClient(conn).ListTags(soon(t), &scannerv1.ListTagsRequest{})
	_, unimplemented := resolverv1.NewImagePolicyServiceClient(conn).DeleteImagePolicy(soon(t), &resolverv1.DeleteImagePolicyRequest{Name: "a"})
	_, unknown := healthpb.NewHealthClient(conn).Check(soon(t), &healthpb.HealthCheckRequest{Service: "nobody"})
	for name, c := range map[string]struct {
		err  error
		code codes.Code
	}{
		"a service that is not here":     {unregistered, codes.Unimplemented},
		"a method without an answer":     {unimplemented, codes.Unimplemented},
		"the health of who is not known": {unknown, codes.NotFound},
	} {
		if status.Code(c.err) != c.code || len(status.Convert(c.err).Details()) == 0 {
			t.Errorf("%s: %v, details %v", name, c.err, status.Convert(c.err).Details())
		}
	}
}

func TestReflectionListsWhatIsServed(t *testing.T) {
	conn := grpctest.Serve(t, registerPolicies(func(context.Context) error { return nil }))
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, s := range resp.GetListServicesResponse().GetService() {
		found[s.GetName()] = true
	}
	for _, name := range []string{"tidemark.resolver.v1.ImagePolicyService", "grpc.health.v1.Health"} {
		if !found[name] {
			t.Errorf("%s is not among %v", name, found)
		}
	}
}
