// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Masterminds/semver/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// streamed is how many tags are pushed while programs are killed.
const streamed = 20

// listings counts how often a registry was asked for a list of tags.
type listings struct{ n atomic.Int64 }

func (l *listings) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			l.n.Add(1)
		}
		next.ServeHTTP(w, r)
	})
}

func TestKillsAtAnyMomentLoseNothingAndRepeatNothing(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		var asked listings
		w := suite.NewWorld(t, kind, harness.Options{Registry: registry.Config{Wrap: asked.wrap}})
		url := w.CreateGit(t, "gitops.git", map[string]string{
			"apps/app.yaml": harness.Deployed(w.Image("app"), "1.0.0", "app"), "README.md": "# app\n",
		})
		w.Push(t, "app", "1.0.0")
		w.Apply(t, w.RepositoryManifest("app", "app", "1s"), harness.PolicyManifest("app", "app", "1.x"),
			harness.SourceManifest("gitops", url), harness.UpdateManifest("gitops", "gitops", "1m", ""))
		w.AwaitCondition(t, harness.Update("gitops"), harness.Ready("repository up-to-date"))

		killWhileTagsArrive(t, w)
		w.AwaitServing(t)
		w.AwaitFile(t, "gitops.git", "apps/app.yaml", fmt.Sprintf(":1.0.%d ", streamed))
		w.AwaitCondition(t, harness.Update("gitops"), harness.Want{Status: "True"})
		checkHistory(t, w)
		restartQuietly(t, w, &asked)
	})
}

// killWhileTagsArrive kills a program at a random moment, brings it back, and takes the next one, until the last tag was
// pushed.
func killWhileTagsArrive(t *testing.T, w *harness.World) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	done := make(chan error, 1)
	go func() { done <- pushTags(t.Context(), w.Registry, rand.New(rand.NewPCG(seed, 1))) }()
	processes := w.Processes()
	for i := 0; ; i++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("killed %d times", i)
			return
		case <-time.After(time.Duration(50+random.IntN(900)) * time.Millisecond): // the random moment
		}
		victim := processes[i%len(processes)]
		if err := victim.Gone(); err != nil {
			t.Fatal(err)
		}
		if err := victim.Kill(); err != nil {
			t.Fatal(err)
		}
		victim.Start(t)
	}
}

// pushTags pushes 1.0.1 and so on, in no hurry.
func pushTags(ctx context.Context, r *registry.Registry, random *rand.Rand) error {
	for n := 1; n <= streamed; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(100+random.IntN(700)) * time.Millisecond): // as people push
		}
		if err := r.Push(ctx, "app", fmt.Sprintf("1.0.%d", n)); err != nil {
			return err
		}
	}
	return nil
}

var deployedTag = regexp.MustCompile(`/app:([0-9.]+) `)

// checkHistory makes sure that each commit sets one line to a newer version than the one before, and none comes twice.
func checkHistory(t *testing.T, w *harness.World) {
	t.Helper()
	commits := w.Commits(t, "gitops.git")
	trees := map[string]string{commits[0].Tree: commits[0].ID}
	before := semver.MustParse("1.0.0")
	for i, commit := range commits[1:] {
		if other, twice := trees[commit.Tree]; twice {
			t.Errorf("commits %s and %s have the same tree", other, commit.ID)
		}
		trees[commit.Tree] = commit.ID
		if commit.Parents != commits[i].ID {
			t.Errorf("commit %s is not on top of %s alone", commit.ID, commits[i].ID)
		}
		change := w.OneChange(t, "gitops.git", commit.ID)
		match := deployedTag.FindStringSubmatch(change.New)
		if match == nil {
			t.Fatalf("commit %s writes %q", commit.ID, change.New)
		}
		after := semver.MustParse(match[1])
		if !after.GreaterThan(before) {
			t.Errorf("commit %s goes from %s to %s", commit.ID, before, after)
		}
		before = after
	}
	t.Logf("%d tags came in %d commits", streamed, len(commits)-1)
}

// restartQuietly stops and starts everything, and makes sure that this alone is no reason to scan, to write a status or to
// commit.
func restartQuietly(t *testing.T, w *harness.World, asked *listings) {
	t.Helper()
	w.Apply(t, w.RepositoryManifest("app", "app", "1h"))
	harness.Await(t, "the scanner has seen the interval", func(context.Context) error {
		if r := repository(t, w, "app"); r.GetStatus().GetObservedGeneration() != r.GetMetadata().GetGeneration() {
			return fmt.Errorf("it has seen generation %d of %d", r.GetStatus().GetObservedGeneration(), r.GetMetadata().GetGeneration())
		}
		return nil
	})
	w.Do(t, "reconcile", "image", "repository", "app")
	w.Do(t, "reconcile", "image", "update", "gitops")
	w.AwaitCondition(t, harness.Source("gitops"), harness.Ready(w.Commits(t, "gitops.git")[len(w.Commits(t, "gitops.git"))-1].ID))
	scans, commits, before := asked.n.Load(), len(w.Commits(t, "gitops.git")), statuses(t, w)
	w.Stop(t)
	w.Start(t)
	hold(t, time.Second, func() error {
		if diff := cmp.Diff(before, statuses(t, w), protocmp.Transform()); diff != "" {
			return fmt.Errorf("a status was written again:\n%s", diff)
		}
		if n := asked.n.Load() - scans; n != 0 {
			return fmt.Errorf("the registry was asked %d times", n)
		}
		if n := len(w.Commits(t, "gitops.git")) - commits; n != 0 {
			return fmt.Errorf("%d commits were made", n)
		}
		return nil
	})
	// It is awake all the same.
	w.Push(t, "app", "1.1.0")
	w.Do(t, "reconcile", "image", "repository", "app")
	w.AwaitFile(t, "gitops.git", "apps/app.yaml", ":1.1.0 ")
	if n := len(w.Commits(t, "gitops.git")) - commits; n != 1 {
		t.Errorf("%d commits were made for one tag", n)
	}
}

func statuses(t *testing.T, w *harness.World) []proto.Message {
	t.Helper()
	return []proto.Message{repository(t, w, "app"), policy(t, w, "app"), source(t, w, "gitops"), automation(t, w, "gitops")}
}

// hold makes sure that something is so, and stays so for a while.
func hold(t *testing.T, while time.Duration, look func() error) {
	t.Helper()
	for end := time.Now().Add(while); time.Now().Before(end); {
		if err := look(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
