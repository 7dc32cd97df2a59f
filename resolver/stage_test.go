// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/dial"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/telemetry"
	"github.com/tidemark-io/tidemark/resolver"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// stage is a resolver over a real store, and its scanner.
type stage struct {
	t        *testing.T
	tel      *telemetry.Telemetry
	scanner  *scanner
	line     *line
	dir      string
	store    *store.Store
	health   *health.Reporter
	conn     *grpc.ClientConn
	policies resolverv1.ImagePolicyServiceClient
	resolve  resolverv1.ResolutionServiceClient
	stop     func()
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, scanner: newScanner(t), dir: t.TempDir()}
	s.tel = grpctest.Telemetry(t, t.Output())
	s.line = newLine(t, s.tel, s.scanner)
	s.start()
	return s
}

// start opens the store and runs a resolver, until the test ends or stop is called.
func (s *stage) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	st, err := store.Open(ctx, store.Config{DataDir: s.dir, UnsafeNoFsync: true})
	if err != nil {
		s.t.Fatal(err)
	}
	s.store = st
	srv, err := server.New(s.t.Context(), server.Config{Telemetry: s.tel, Drain: time.Second})
	if err != nil {
		s.t.Fatal(err)
	}
	s.health = srv.Health()
	service, err := resolver.New(resolver.Config{Store: st, Telemetry: s.tel, Health: srv.Health(), Scanner: s.line.conn})
	if err != nil {
		s.t.Fatal(err)
	}
	service.Register(srv.GRPC())
	serving, running := run(ctx, srv.Run), run(ctx, service.Run)
	conn, err := dial.Dial(ctx, "resolver", dial.Options{Dialer: srv.Dialer(), Telemetry: s.tel})
	if err != nil {
		s.t.Fatal(err)
	}
	s.policies, s.resolve = resolverv1.NewImagePolicyServiceClient(conn), resolverv1.NewResolutionServiceClient(conn)
	var stopped atomic.Bool
	s.conn = conn
	s.stop = func() {
		if stopped.Swap(true) {
			return
		}
		cancel()
		if err := errors.Join(<-serving, <-running, conn.Close(), st.Close()); err != nil {
			s.t.Errorf("stopping the resolver: %v", err)
		}
	}
	s.t.Cleanup(s.stop)
}

func (s *stage) restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

func run(ctx context.Context, f func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	return done
}

// line is a connection to a scanner that can be cut and mended.
type line struct {
	t       *testing.T
	tel     *telemetry.Telemetry
	scanner *scanner
	dialer  atomic.Pointer[func(context.Context, string) (net.Conn, error)]
	conn    *grpc.ClientConn
	cut     func()
}

func newLine(t *testing.T, tel *telemetry.Telemetry, s *scanner) *line {
	t.Helper()
	l := &line{t: t, tel: tel, scanner: s}
	l.mend()
	conn, err := dial.Dial(t.Context(), "scanner", dial.Options{
		Dialer: func(ctx context.Context, address string) (net.Conn, error) { return (*l.dialer.Load())(ctx, address) },
	})
	if err != nil {
		t.Fatal(err)
	}
	l.conn = conn
	t.Cleanup(func() { _ = conn.Close() })
	return l
}

// mend starts a server of the scanner.
func (l *line) mend() {
	l.t.Helper()
	srv, err := server.New(l.t.Context(), server.Config{Telemetry: l.tel, Drain: time.Millisecond})
	if err != nil {
		l.t.Fatal(err)
	}
	scannerv1.RegisterTagServiceServer(srv.GRPC(), l.scanner)
	ctx, cancel := context.WithCancel(context.Background())
	done := run(ctx, srv.Run)
	dialer := srv.Dialer()
	l.dialer.Store(&dialer)
	var once atomic.Bool
	l.cut = func() {
		if once.Swap(true) {
			return
		}
		cancel()
		if err := <-done; err != nil {
			l.t.Logf("the scanner's server: %v", err)
		}
	}
	l.t.Cleanup(l.cut)
}

type option func(*resolverv1.ImagePolicy)

// policyOf makes a policy named `[namespace/]name` over the repository `[namespace/]name`.
func policyOf(name, repository string, opts ...option) *resolverv1.ImagePolicy {
	split := func(s string) (string, string) {
		for i := range s {
			if s[i] == '/' {
				return s[:i], s[i+1:]
			}
		}
		return "", s
	}
	p := &resolverv1.ImagePolicy{Metadata: &metav1.ObjectMeta{}, Spec: &resolverv1.ImagePolicySpec{ImageRepositoryRef: &metav1.NamespacedObjectReference{}}}
	p.Metadata.Namespace, p.Metadata.Name = split(name)
	p.Spec.ImageRepositoryRef.Namespace, p.Spec.ImageRepositoryRef.Name = split(repository)
	for _, opt := range opts {
		opt(p)
	}
	return p
}

func semver(r string) option {
	return func(p *resolverv1.ImagePolicy) { p.Spec.Policy = semverChoice(r) }
}

func semverChoice(r string) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Semver{Semver: &resolverv1.SemVerPolicy{Range: r}}}
}

func numericalChoice(o resolverv1.SortOrder) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Numerical{Numerical: &resolverv1.NumericalPolicy{Order: o}}}
}

func alphabeticalChoice(o resolverv1.SortOrder) *resolverv1.ImagePolicyChoice {
	return &resolverv1.ImagePolicyChoice{Choice: &resolverv1.ImagePolicyChoice_Alphabetical{Alphabetical: &resolverv1.AlphabeticalPolicy{Order: o}}}
}

func filter(pattern, extract string) option {
	return func(p *resolverv1.ImagePolicy) {
		p.Spec.FilterTags = &resolverv1.TagFilter{Pattern: pattern, Extract: extract}
	}
}

func suspend(p *resolverv1.ImagePolicy) { p.Spec.Suspend = true }

func digest(mode resolverv1.DigestReflectionPolicy, interval time.Duration) option {
	return func(p *resolverv1.ImagePolicy) {
		if p.Spec.DigestReflectionPolicy = mode; interval > 0 {
			p.Spec.Interval = durationpb.New(interval)
		}
	}
}

func (s *stage) apply(p *resolverv1.ImagePolicy) *resolverv1.ImagePolicy {
	s.t.Helper()
	resp, err := s.policies.ApplyImagePolicy(s.ctx(), &resolverv1.ApplyImagePolicyRequest{ImagePolicy: p})
	if err != nil {
		s.t.Fatalf("apply %s: %v", p.GetMetadata().GetName(), err)
	}
	return resp.GetImagePolicy()
}

func (s *stage) get(name string) *resolverv1.ImagePolicy {
	s.t.Helper()
	p := policyOf(name, "none")
	resp, err := s.policies.GetImagePolicy(s.ctx(), &resolverv1.GetImagePolicyRequest{
		Name: p.GetMetadata().GetName(), Namespace: p.GetMetadata().GetNamespace(),
	})
	if err != nil {
		s.t.Fatalf("get %s: %v", name, err)
	}
	return resp.GetImagePolicy()
}

func (s *stage) reconcile(name string) (*resolverv1.ImagePolicy, error) {
	p := policyOf(name, "none")
	resp, err := s.policies.ReconcileImagePolicy(s.ctx(), &resolverv1.ReconcileImagePolicyRequest{
		Name: p.GetMetadata().GetName(), Namespace: p.GetMetadata().GetNamespace(),
	})
	return resp.GetImagePolicy(), err
}

func (s *stage) ctx() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

// await follows the policy until what is said of it holds.
func (s *stage) await(name, what string, holds func(*resolverv1.ImagePolicy) bool) *resolverv1.ImagePolicy {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	wanted := policyOf(name, "none").GetMetadata()
	if wanted.Namespace == "" {
		wanted.Namespace = "flux-system"
	}
	stream, err := s.policies.WatchImagePolicies(ctx, &resolverv1.WatchImagePoliciesRequest{Namespace: wanted.GetNamespace()})
	if err != nil {
		s.t.Fatal(err)
	}
	var last *resolverv1.ImagePolicy
	for {
		event, err := stream.Recv()
		if err != nil {
			s.t.Fatalf("%s is not %s: %v\nlast seen: %v", name, what, err, last)
		}
		if p := event.GetChanged(); p.GetMetadata().GetName() == wanted.GetName() {
			if last = p; holds(p) {
				return p
			}
		}
	}
}

// awaitMessage waits for the Ready condition's reason and message, for the spec as it is.
func (s *stage) awaitMessage(name, reason, message string) *resolverv1.ImagePolicy {
	s.t.Helper()
	return s.await(name, reason+": "+message, func(p *resolverv1.ImagePolicy) bool {
		ready := conditions.Ready(p.GetStatus())
		return ready.GetReason() == reason && ready.GetMessage() == message &&
			p.GetStatus().GetObservedGeneration() == p.GetMetadata().GetGeneration()
	})
}

// awaitTag waits for the answer.
func (s *stage) awaitTag(name, tag string) *resolverv1.ImagePolicy {
	s.t.Helper()
	return s.await(name, tag, func(p *resolverv1.ImagePolicy) bool {
		return p.GetStatus().GetLatestRef().GetTag() == tag && conditions.IsTrue(p.GetStatus().GetConditions(), conditions.TypeReady)
	})
}

// eventually waits for what no stream tells.
func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			s.t.Fatalf("not so: %s", what)
		case <-tick.C:
		}
	}
}
