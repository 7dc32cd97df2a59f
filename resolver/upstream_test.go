// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/state"
)

// statusRevision is when the policy's status was last written.
func (s *stage) statusRevision(name string) int64 {
	s.t.Helper()
	policies := state.NewPolicies(s.store.Scoped(state.Service), s.tel.Logger())
	resp, err := s.store.Client().Get(s.ctx(), policies.Key("status", object.KeyOf("", name)))
	if err != nil || len(resp.Kvs) != 1 {
		s.t.Fatalf("reading the status of %s: %v, %v", name, resp, err)
	}
	return resp.Kvs[0].ModRevision
}

// evaluations reads how many there were, of all outcomes, since the telemetry was made.
func (s *stage) evaluations() int {
	recorder := httptest.NewRecorder()
	s.tel.MetricsHandler().ServeHTTP(recorder, httptest.NewRequestWithContext(s.t.Context(), "GET", "/metrics", nil))
	sum := 0
	for _, m := range regexp.MustCompile(`(?m)^tidemark_resolver_evaluations_total\{.*\} (\d+)$`).FindAllStringSubmatch(recorder.Body.String(), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			s.t.Fatal(err)
		}
		sum += n
	}
	return sum
}

func (s *stage) healthOf(name string) healthpb.HealthCheckResponse_ServingStatus {
	resp, err := healthpb.NewHealthClient(s.conn).Check(s.ctx(), &healthpb.HealthCheckRequest{Service: name})
	if err != nil {
		return healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	}
	return resp.GetStatus()
}

func (s *stage) awaitHealth(name string, want healthpb.HealthCheckResponse_ServingStatus) {
	s.t.Helper()
	s.eventually(name+" is "+want.String(), func() bool { return s.healthOf(name) == want })
}

func TestRestartRepeatsNothingAndLosesNothing(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "main-1")
	s.scanner.setDigest("registry.test/app:1.1.0", digestA)
	s.apply(policyOf("plain", "app", semver("*")))
	s.apply(policyOf("digest", "app", semver("*"), digest(ifNotPresent, 0)))
	s.apply(policyOf("none", "app", semver(">2")))
	s.apply(policyOf("absent", "nowhere", semver("*")))
	names := []string{"plain", "digest", "none", "absent"}
	revisions, before := map[string]int64{}, map[string]*resolverv1.ImagePolicy{}
	for _, name := range names {
		s.await(name, "evaluated", func(p *resolverv1.ImagePolicy) bool { return p.GetStatus().GetObservedGeneration() == 1 })
	}
	for _, name := range names {
		revisions[name], before[name] = s.statusRevision(name), s.get(name)
	}
	_, _, reads := s.scanner.counts()
	evaluated := s.evaluations()

	s.restart()
	s.eventually("all were evaluated again", func() bool { return s.evaluations() >= evaluated+len(names) })
	for _, name := range names {
		if _, err := s.reconcile(name); err != nil && name != "none" && name != "absent" {
			t.Errorf("reconcile %s: %v", name, err)
		}
		if got := s.statusRevision(name); got != revisions[name] {
			t.Errorf("the status of %s was written again: %v, before %v", name, s.get(name), before[name])
		}
	}
	if _, _, again := s.scanner.counts(); again != reads {
		t.Errorf("digests were read again: %d times, before %d", again, reads)
	}

	s.stop()
	s.scanner.push("flux-system/app", "1.2.0", "3.0.0")
	s.scanner.push("flux-system/nowhere", "1.0.0")
	s.scanner.setDigest("registry.test/app:3.0.0", digestB)
	s.start()
	for name, tag := range map[string]string{"plain": "3.0.0", "digest": "3.0.0", "none": "3.0.0", "absent": "1.0.0"} {
		s.awaitTag(name, tag)
	}
}

func TestScannerAwayIsToldAndWhatIsKnownIsServed(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "2.0.0")
	s.apply(policyOf("app", "app", semver("1.x")))
	s.awaitTag("app", "1.0.0")
	s.awaitHealth("resolver.upstream", healthpb.HealthCheckResponse_SERVING)
	s.awaitHealth("resolver", healthpb.HealthCheckResponse_SERVING)
	s.awaitHealth("tidemark.resolver.v1.ResolutionService", healthpb.HealthCheckResponse_SERVING)

	s.line.cut()
	s.awaitHealth("resolver.upstream", healthpb.HealthCheckResponse_NOT_SERVING)
	if got := s.healthOf("resolver"); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("the resolver itself is %s", got)
	}
	resp, err := s.resolve.Resolve(s.ctx(), &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("2.x")})
	if err != nil || resp.GetLatestRef().GetTag() != "2.0.0" {
		t.Errorf("resolve: %v, %v", resp, err)
	}
	s.apply(policyOf("app", "app", semver("2.x"))) // is answered from what is known
	s.awaitTag("app", "2.0.0")
	s.apply(policyOf("other", "other", semver("*")))
	p := s.await("other", "not ready", func(p *resolverv1.ImagePolicy) bool { return conditions.Ready(p.GetStatus()) != nil })
	if got := conditions.Ready(p.GetStatus()); got.GetReason() != "DependencyNotReady" ||
		!strings.HasPrefix(got.GetMessage(), "the scanner could not be asked for the tags of ImageRepository 'flux-system/other': ") {
		t.Errorf("condition: %v", got)
	}
	s.scanner.push("flux-system/app", "2.0.0", "2.1.0")
	s.scanner.push("flux-system/other", "1.0.0")
	s.line.mend()
	s.awaitTag("app", "2.1.0")
	s.awaitTag("other", "1.0.0")
	s.awaitHealth("resolver.upstream", healthpb.HealthCheckResponse_SERVING)
	if whole, _, _ := s.scanner.counts(); whole != 2 {
		t.Errorf("%d whole transfers of two repositories", whole)
	}
}

func TestScannerThatLostItsStoreIsFollowedFromTheStart(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.scanner.push("flux-system/gone", "1.0.0")
	s.apply(policyOf("app", "app", semver("*")))
	s.apply(policyOf("gone", "gone", semver("*")))
	s.awaitTag("app", "1.0.0")
	s.awaitTag("gone", "1.0.0")
	s.line.cut()
	s.scanner.replaceStore("two")
	s.scanner.push("flux-system/app", "0.9.0")
	s.line.mend()
	s.awaitTag("app", "0.9.0")
	s.awaitMessage("gone", "DependencyNotReady",
		"referenced ImageRepository 'flux-system/gone' does not exist; create it, or correct the reference")
}

func TestCallsEndWithTheirDeadline(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	hang := make(chan struct{})
	s.scanner.update(func() { s.scanner.hang = hang })
	defer s.scanner.update(func() { s.scanner.hang = nil; close(hang) })
	s.apply(policyOf("app", "app", semver("*")))
	ctx, cancel := context.WithTimeout(s.ctx(), 100*time.Millisecond)
	defer cancel()
	for name, call := range map[string]func() error{
		"resolve": func() error {
			_, err := s.resolve.Resolve(ctx, &resolverv1.ResolveRequest{Source: repository("app")})
			return err
		},
		"reconcile": func() error {
			_, err := s.policies.ReconcileImagePolicy(ctx, &resolverv1.ReconcileImagePolicyRequest{Name: "app"})
			return err
		},
	} {
		if err := call(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p := s.get("app"); p.GetStatus() != nil {
		t.Errorf("a caller's impatience is in the status: %v", p.GetStatus())
	}
}

func TestWatchTellsASnapshotThenChanges(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0")
	s.apply(policyOf("a", "app", semver("*")))
	s.awaitTag("a", "1.0.0")
	stream, err := s.policies.WatchImagePolicies(s.ctx(), &resolverv1.WatchImagePoliciesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if event := receive(t, stream); event.GetChanged().GetStatus().GetLatestRef().GetTag() != "1.0.0" || event.GetResumeToken() != "" {
		t.Errorf("snapshot: %v", event)
	}
	checkpoint := receive(t, stream)
	if checkpoint.GetCheckpoint() == nil || checkpoint.GetResumeToken() == "" {
		t.Errorf("checkpoint: %v", checkpoint)
	}
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0")
	if event := receive(t, stream); event.GetChanged().GetStatus().GetLatestRef().GetTag() != "1.1.0" || event.GetResumeToken() == "" {
		t.Errorf("change: %v", event)
	}
	if _, err := s.policies.DeleteImagePolicy(s.ctx(), &resolverv1.DeleteImagePolicyRequest{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if event := receive(t, stream); event.GetDeleted().GetName() != "a" {
		t.Errorf("deletion: %v", event)
	}
	s.restart()
	stream, err = s.policies.WatchImagePolicies(s.ctx(), &resolverv1.WatchImagePoliciesRequest{ResumeToken: checkpoint.GetResumeToken()})
	if err != nil {
		t.Fatal(err)
	}
	if event := receive(t, stream); event.GetDeleted().GetName() != "a" {
		t.Errorf("after the restart: %v", event)
	}
}

func receive(t *testing.T, stream grpc.ServerStreamingClient[resolverv1.WatchImagePoliciesResponse]) *resolverv1.WatchImagePoliciesResponse {
	t.Helper()
	event, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func TestManyChangesAtOnceEndInTheRightAnswers(t *testing.T) {
	s := newStage(t)
	const repositories, policies, rounds = 4, 24, 30
	var working sync.WaitGroup
	for r := range repositories {
		working.Go(func() {
			for i := range rounds {
				s.scanner.push(fmt.Sprintf("flux-system/r%d", r), "1.0.0", fmt.Sprintf("1.0.%d", i+1), fmt.Sprintf("2.%d.0", rand.N(9)))
			}
			s.scanner.push(fmt.Sprintf("flux-system/r%d", r), "1.0.0", "1.9.9", "2.9.9")
		})
	}
	for p := range policies {
		working.Go(func() {
			name := fmt.Sprintf("p%d", p)
			for i := range 5 {
				s.apply(policyOf(name, fmt.Sprintf("r%d", (p+i)%repositories), semver(fmt.Sprintf("%d.x", i%2+1))))
				if _, err := s.reconcile(name); err != nil && status.Code(err) != codes.FailedPrecondition {
					t.Errorf("reconcile: %v", err)
				}
				if i == 2 {
					if _, err := s.policies.DeleteImagePolicy(s.ctx(), &resolverv1.DeleteImagePolicyRequest{Name: name}); err != nil {
						t.Errorf("delete: %v", err)
					}
				}
			}
			s.apply(policyOf(name, fmt.Sprintf("r%d", p%repositories), semver("<2")))
		})
	}
	working.Wait()
	for p := range policies {
		got := s.awaitTag(fmt.Sprintf("p%d", p), "1.9.9")
		if image := got.GetStatus().GetLatestRef().GetName(); image != fmt.Sprintf("registry.test/r%d", p%repositories) {
			t.Errorf("p%d answers with %s", p, image)
		}
	}
}
