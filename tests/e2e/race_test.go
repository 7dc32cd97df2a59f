// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

const (
	// racers is how many people push to the branch, and how many policies change meanwhile.
	racers = 10
	// releases is how many tags each policy gets while they do.
	releases = 2
	// tireless is how many commits each of them makes at most, with no pause between them.
	tireless = 4
)

// racer is somebody who commits and pushes again and again, with git's own command line.
type racer struct {
	*harness.Clone
	name    string
	written int
}

// run works until it is told to stop or tired, and until one commit at least is in Git.
func (r *racer) run(ctx context.Context, stop <-chan struct{}) error {
	for r.written < tireless {
		r.written++
		if err := r.Write(fmt.Sprintf("people/%s/%d.txt", r.name, r.written), r.name+"\n"); err != nil {
			return err
		}
		if _, err := r.TryGit(ctx, "add", "people"); err != nil {
			return err
		}
		if _, err := r.TryGit(ctx, "commit", "-q", "-m", fmt.Sprintf("%s %d", r.name, r.written)); err != nil {
			return err
		}
		for {
			_, err := r.TryGit(ctx, "push", "-q", "origin", "main")
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return err
			}
			if _, err := r.TryGit(ctx, "pull", "-q", "--rebase", "origin", "main"); err != nil {
				return err
			}
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
	return nil
}

func TestTenRacingWritersAndTenPoliciesLoseNothing(t *testing.T) {
	t.Parallel()
	w := suite.NewWorld(t, harness.Trio(), harness.Options{Env: []string{soon}})
	raced(t, w)
	people := make([]*racer, racers)
	for i := range people {
		name := fmt.Sprintf("person%d", i)
		people[i] = &racer{Clone: w.Clone(t, "gitops.git", name), name: name}
	}
	stop, ended := make(chan struct{}), make(chan error, racers)
	for _, person := range people {
		go func() { ended <- person.run(t.Context(), stop) }()
	}
	for release := 1; release <= releases; release++ {
		for i := range racers {
			w.Push(t, "app", fmt.Sprintf("%d.%d.0", i, release))
		}
		scan(t, w)
		for i := range racers {
			w.AwaitFile(t, "gitops.git", racedFile(i), fmt.Sprintf(":%d.%d.0 ", i, release))
		}
	}
	close(stop)
	var errs []error
	for range people {
		errs = append(errs, <-ended)
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"few", "more", "rest"} {
		w.AwaitCondition(t, harness.Update(name), harness.Ready())
	}
	landed(t, w, people)
}

// raced brings ten policies over one image and three automations of one branch, which share their work.
func raced(t *testing.T, w *harness.World) {
	t.Helper()
	files, manifests := map[string]string{}, []string{w.RepositoryManifest("app", "app", "10m")}
	for i := range racers {
		w.Push(t, "app", fmt.Sprintf("%d.0.0", i))
		name := fmt.Sprintf("p%d", i)
		files[racedFile(i)] = harness.Deployed(w.Image("app"), fmt.Sprintf("%d.0.0", i), name)
		manifests = append(manifests, harness.PolicyManifest(name, "app", fmt.Sprintf("%d.x", i)))
	}
	for _, name := range []string{"few", "more", "rest"} {
		manifests = append(manifests, harness.UpdateManifest(name, "gitops", "10m", "      messageTemplate: update "+name+"\n  update: {path: ./"+name+"}\n"))
	}
	w.Apply(t, append(manifests, harness.SourceManifest("gitops", w.CreateGit(t, "gitops.git", files)))...)
	for i := range racers {
		w.AwaitCondition(t, harness.Policy(fmt.Sprintf("p%d", i)), harness.Ready("resolved to"))
	}
	for _, name := range []string{"few", "more", "rest"} {
		w.AwaitCondition(t, harness.Update(name), harness.Ready("repository up-to-date"))
	}
}

func racedFile(i int) string {
	folder := "few"
	if i > 1 {
		folder = "more"
	}
	if i > 5 {
		folder = "rest"
	}
	return fmt.Sprintf("%s/%d.yaml", folder, i)
}

// landed makes sure that the history is one line, that each commit changes something, that everybody's commits are all
// there once, and each of the policies' choices was written once.
func landed(t *testing.T, w *harness.World, people []*racer) {
	t.Helper()
	commits := w.Commits(t, "gitops.git")
	seen, ours := map[string]int{}, map[string]string{}
	for i, c := range commits[1:] {
		if c.Parents != commits[i].ID || c.Tree == commits[i].Tree {
			t.Errorf("commit %s (%s) is empty, or not on top of %s alone", c.ID, c.Message, commits[i].ID)
		}
		if name, found := strings.CutPrefix(c.Message, "update "); found {
			ours[c.ID] = name
			continue
		}
		seen[c.Message]++
	}
	total := 0
	for _, person := range people {
		for n := 1; n <= person.written; n++ {
			if times := seen[fmt.Sprintf("%s %d", person.name, n)]; times != 1 {
				t.Errorf("commit %d of %s is there %d times", n, person.name, times)
			}
			w.File(t, "gitops.git", fmt.Sprintf("people/%s/%d.txt", person.name, n))
		}
		total += person.written
	}
	written := map[string]int{}
	for _, name := range []string{"few", "more", "rest"} {
		for _, run := range w.Pushed(t, name) {
			if ours[run.GetCommit()] != name {
				t.Errorf("%s has recorded commit %s, which is %q's", name, run.GetCommit(), ours[run.GetCommit()])
			}
			delete(ours, run.GetCommit())
			for _, change := range run.GetChanges() {
				written[change.GetNewValue()]++
			}
		}
	}
	if len(ours) > 0 {
		t.Errorf("commits that no run has recorded: %v", ours)
	}
	for i := range racers {
		for release := 1; release <= releases; release++ {
			if image := fmt.Sprintf("%s:%d.%d.0", w.Image("app"), i, release); written[image] != 1 {
				t.Errorf("%s was written %d times", image, written[image])
			}
		}
	}
	t.Logf("%d commits, of which %d by people", len(commits)-1, total)
}
