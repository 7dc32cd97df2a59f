// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gitv1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/health"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/platform/store"
	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

// patience bounds every wait of these tests; it is only used up by failing ones.
const patience = 20 * time.Second

// world is all that an updater has around it: a Git server, a store, a resolver.
type world struct {
	t       *testing.T
	git     *gitserver.Server
	store   *store.Store
	up      *upstream
	secrets *secret.Memory
	dir     string
}

func newWorld(t *testing.T, configure ...func(*gitserver.Config)) *world {
	t.Helper()
	w := &world{t: t, store: storetest.Open(t), secrets: &secret.Memory{}, dir: t.TempDir()}
	config := gitserver.Config{Dir: t.TempDir()}
	for _, f := range configure {
		f(&config)
	}
	w.git = w.serveGit(config)
	w.up = newUpstream(t, w.store)
	return w
}

func (w *world) serveGit(config gitserver.Config) *gitserver.Server {
	w.t.Helper()
	git, err := gitserver.Start(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := git.Close(); err != nil {
			w.t.Errorf("close the Git server: %v", err)
		}
	})
	return git
}

// running is an updater that runs.
type running struct {
	*world
	service      *Service
	automations  updaterv1.ImageUpdateAutomationServiceClient
	repositories updaterv1.GitRepositoryServiceClient
	stop         func()
	// kill ends the context of Run, and does not wait.
	kill func()
}

// start starts an updater over what the last one, if any, has left.
func (w *world) start(change ...func(*Config)) *running {
	w.t.Helper()
	r := w.prepare(change...)
	r.run()
	return r
}

func (w *world) prepare(change ...func(*Config)) *running {
	w.t.Helper()
	tel := grpctest.Telemetry(w.t, logTo(w.t))
	cfg := Config{
		Store: w.store, Telemetry: tel, Secrets: w.secrets, Health: health.NewReporter(slog.New(slog.DiscardHandler)),
		Resolver: w.up.conn, DataDir: w.dir, Settle: 100 * time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	service, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	conn := grpctest.Serve(w.t, service.Register, grpctest.WithTelemetry(tel))
	return &running{
		world: w, service: service,
		automations:  updaterv1.NewImageUpdateAutomationServiceClient(conn),
		repositories: updaterv1.NewGitRepositoryServiceClient(conn),
	}
}

func (r *running) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.service.Run(ctx); err != nil {
			r.t.Errorf("run: %v", err)
		}
	}()
	r.kill = cancel
	r.stop = func() { cancel(); <-done }
	r.t.Cleanup(r.stop)
}

// logTo shows the services' logs when TIDEMARK_TEST_LOG is set.
func logTo(t *testing.T) *os.File {
	t.Helper()
	if os.Getenv("TIDEMARK_TEST_LOG") != "" {
		return os.Stderr
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return null
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// deployment is a file with one marked image.
func deployment(policy, image string) string {
	return "kind: Deployment\nmetadata:\n  name: " + policy + "\nspec:\n  image:   '" + image +
		"' # {\"$imagepolicy\": \"flux-system:" + policy + "\"}\n"
}

// repository makes a Git repository with those files on its branch main.
func (w *world) repository(name string, files map[string]string) {
	w.t.Helper()
	if err := w.git.CreateRepository(name, "main", files); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) source(name string) *updaterv1.GitRepository {
	return &updaterv1.GitRepository{
		Metadata: &gitv1.ObjectMeta{Name: name},
		Spec:     &updaterv1.GitRepositorySpec{Url: w.git.RepositoryURL(name), Interval: durationpb.New(time.Hour)},
	}
}

func automation(name, source string) *updaterv1.ImageUpdateAutomation {
	return &updaterv1.ImageUpdateAutomation{
		Metadata: &gitv1.ObjectMeta{Name: name},
		Spec: &updaterv1.ImageUpdateAutomationSpec{
			SourceRef: &updaterv1.SourceReference{Name: source},
			Git: &updaterv1.GitSpec{Commit: &updaterv1.CommitSpec{
				Author: &updaterv1.CommitAuthor{Name: "Robot", Email: "robot@example.com"},
			}},
			Interval: durationpb.New(time.Hour),
		},
	}
}

func (r *running) applySource(source *updaterv1.GitRepository) {
	r.t.Helper()
	if _, err := r.repositories.ApplyGitRepository(r.t.Context(), &updaterv1.ApplyGitRepositoryRequest{GitRepository: source}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) apply(a *updaterv1.ImageUpdateAutomation) {
	r.t.Helper()
	if _, err := r.automations.ApplyImageUpdateAutomation(r.t.Context(),
		&updaterv1.ApplyImageUpdateAutomationRequest{ImageUpdateAutomation: a}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) get(name string) *updaterv1.ImageUpdateAutomation {
	r.t.Helper()
	got, err := r.automations.GetImageUpdateAutomation(r.t.Context(), &updaterv1.GetImageUpdateAutomationRequest{Name: name})
	if err != nil {
		r.t.Fatal(err)
	}
	return got.GetImageUpdateAutomation()
}

func (r *running) getSource(name string) *updaterv1.GitRepository {
	r.t.Helper()
	got, err := r.repositories.GetGitRepository(r.t.Context(), &updaterv1.GetGitRepositoryRequest{Name: name})
	if err != nil {
		r.t.Fatal(err)
	}
	return got.GetGitRepository()
}

// ready waits for the automation's Ready condition to be so, with that reason and message prefix, and returns the object.
func (r *running) ready(name, reason, message string) *updaterv1.ImageUpdateAutomation {
	r.t.Helper()
	var a *updaterv1.ImageUpdateAutomation
	var said string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("%s: %s", name, said)
		}
	}()
	eventually(r.t, name+" says "+reason+": "+message, func() bool {
		a = r.get(name)
		c := conditions.Ready(a.GetStatus())
		said = c.GetReason() + ": " + c.GetMessage()
		return c.GetReason() == reason && len(c.GetMessage()) >= len(message) && c.GetMessage()[:len(message)] == message
	})
	return a
}

// runNow asks for a run and returns its steps and its end.
func (r *running) runNow(name string) ([]string, *updaterv1.Run, error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	stream, err := r.automations.RunImageUpdateAutomation(ctx, &updaterv1.RunImageUpdateAutomationRequest{Name: name})
	if err != nil {
		return nil, nil, err
	}
	var steps []string
	for {
		response, err := stream.Recv()
		if err != nil {
			return steps, nil, err
		}
		if run := response.GetRun(); run != nil {
			return steps, run, nil
		}
		steps = append(steps, response.GetStep().GetMessage())
	}
}

func (w *world) log(repository, branch string) []gitserver.Commit {
	w.t.Helper()
	commits, err := w.git.Log(repository, branch)
	if err != nil {
		w.t.Fatal(err)
	}
	return commits
}

func (w *world) file(repository, branch, path string) string {
	w.t.Helper()
	content, err := w.git.ReadFile(repository, branch, path)
	if err != nil {
		w.t.Fatal(err)
	}
	return content
}

// records are the runs of an automation that made a commit or are not over, the newest first.
func (r *running) records(name string) []*updaterv1.Run {
	r.t.Helper()
	return slices.DeleteFunc(r.runs(name), func(run *updaterv1.Run) bool { return run.GetCommit() == "" })
}

// runs are all recorded runs of an automation, the newest first.
func (r *running) runs(name string) []*updaterv1.Run {
	r.t.Helper()
	runs, _, err := r.service.runs.Page(r.t.Context(), object.KeyOf("", name), nil, 100, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return runs
}

// secret sets a secret of the default namespace.
func (w *world) secret(name string, s secret.Secret) {
	w.t.Helper()
	if err := w.secrets.Set("flux-system", name, s); err != nil {
		w.t.Fatal(err)
	}
}

// stored lets the stores and the policies be followed, and runs nothing by itself.
func (r *running) stored() {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for _, follow := range []func(context.Context) error{r.service.automations.Run, r.service.repositories.Run, r.service.follower.Run} {
		group.Go(func() {
			if err := follow(ctx); err != nil && ctx.Err() == nil {
				r.t.Errorf("follow: %v", err)
			}
		})
	}
	r.t.Cleanup(func() { cancel(); group.Wait() })
	for _, ready := range []<-chan struct{}{r.service.automations.Ready(), r.service.repositories.Ready(), r.service.follower.Ready()} {
		select {
		case <-ready:
		case <-time.After(patience):
			r.t.Fatal("the stores are not ready")
		}
	}
}
