// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// team is a world in which automations of one repository follow one image, each in a folder of its own.
type team struct {
	*harness.World
	names []string
	minor int
}

// newTeam makes a world whose automations have all committed 1.0.0.
func newTeam(t *testing.T, kind harness.Kind, options harness.Options, names ...string) *team {
	t.Helper()
	options.Env = append(options.Env, soon)
	m := &team{World: suite.NewWorld(t, kind, options), names: names}
	m.Push(t, "app", "1.0.0")
	files := map[string]string{}
	manifests := []string{m.RepositoryManifest("app", "app", "10m")}
	for _, name := range names {
		files[name+"/app.yaml"] = harness.Deployed(m.Image("app"), "0.9.0", name)
		manifests = append(manifests, harness.PolicyManifest(name, "app", "1.x"),
			harness.UpdateManifest(name, "gitops", "10m", fmt.Sprintf("      messageTemplate: update %s\n  update: {path: ./%s}\n", name, name)))
	}
	url := m.CreateGit(t, "gitops.git", files)
	m.Apply(t, append(manifests, harness.SourceManifest("gitops", url))...)
	m.settled(t)
	return m
}

// tag is the newest.
func (m *team) tag() string { return fmt.Sprintf("1.%d.0", m.minor) }

// settled waits until everybody says that the newest tag is committed.
func (m *team) settled(t *testing.T) {
	t.Helper()
	for _, name := range m.names {
		harness.Await(t, name+" has committed "+m.tag(), func(ctx context.Context) error {
			got, err := m.Automations().GetImageUpdateAutomation(ctx, &updaterv1.GetImageUpdateAutomationRequest{Name: name})
			if err != nil {
				return err
			}
			status := got.GetImageUpdateAutomation().GetStatus()
			if tag := status.GetObservedPolicies()[name].GetTag(); tag != m.tag() {
				return fmt.Errorf("it has seen %q: %v", tag, status.GetConditions())
			}
			_, err = harness.Ready().In(status.GetConditions())
			return err
		})
		if file := m.File(t, "gitops.git", name+"/app.yaml"); !strings.Contains(file, ":"+m.tag()+" ") {
			t.Errorf("%s is settled, and its file is\n%s", name, file)
		}
	}
}

// release has a new tag found and somebody commit, while the source is suspended: resume lets all automations run at once.
func (m *team) release(t *testing.T) (resume func()) {
	t.Helper()
	if _, err := m.Sources().SuspendGitRepository(t.Context(), &updaterv1.SuspendGitRepositoryRequest{Name: "gitops"}); err != nil {
		t.Fatal(err)
	}
	m.minor++
	theirs := map[string]string{"theirs.txt": m.tag() + "\n"} // so that there is something to fetch
	if _, err := m.Git.Commit("gitops.git", "main", theirs, "somebody else's"); err != nil {
		t.Fatal(err)
	}
	m.Push(t, "app", m.tag())
	scan(t, m.World)
	for _, name := range m.names {
		m.AwaitCondition(t, harness.Policy(name), harness.Ready("resolved to "+m.tag()))
		m.AwaitCondition(t, harness.Update(name), harness.NotReady("", "is suspended"))
	}
	return func() {
		t.Helper()
		if _, err := m.Sources().ResumeGitRepository(t.Context(), &updaterv1.ResumeGitRepositoryRequest{Name: "gitops"}); err != nil {
			t.Fatal(err)
		}
	}
}

// complete makes sure that the branch has one commit for each automation and tag, one upon the other, and that the recorded
// runs tell of exactly these.
func (m *team) complete(t *testing.T) {
	t.Helper()
	commits := m.Commits(t, "gitops.git")
	if want := 1 + len(m.names)*(m.minor+1) + m.minor; len(commits) != want {
		t.Errorf("there are %d commits, want %d", len(commits), want)
	}
	made := map[string][]string{}
	for i, commit := range commits[1:] {
		if commit.Parents != commits[i].ID || commit.Tree == commits[i].Tree {
			t.Errorf("commit %s is empty, or not on top of %s alone", commit.ID, commits[i].ID)
		}
		if name, ours := strings.CutPrefix(commit.Message, "update "); ours {
			made[name] = append(made[name], commit.ID)
		}
	}
	for _, name := range m.names {
		runs := m.Pushed(t, name)
		var recorded []string
		for _, run := range runs {
			recorded = append(recorded, run.GetCommit())
			if run.GetEndTime() == nil || len(run.GetChanges()) != 1 {
				t.Errorf("%s: the run %v is not complete", name, run)
			}
		}
		if !slices.Equal(recorded, made[name]) {
			t.Errorf("%s made the commits\n%q, and its history has\n%q", name, made[name], recorded)
		}
		if got, want := automation(t, m.World, name).GetStatus().GetLastPushCommit(), made[name][len(made[name])-1]; got != want {
			t.Errorf("%s: the last push is said to be %q, it is %s", name, got, want)
		}
		for _, run := range m.Runs(t, name) {
			if run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED {
				t.Errorf("%s: a run is open: %s", name, run.String())
			}
		}
	}
}

func TestAKillAtAnyStageOfARunNeitherLosesNorRepeatsACommit(t *testing.T) {
	t.Parallel()
	for group, names := range map[string][]string{"one automation": {"a"}, "three in a group": {"a", "b", "c"}} {
		t.Run(group, func(t *testing.T) {
			each(t, func(s scenario) {
				var git crossing
				m := newTeam(s.t, s.kind, harness.Options{Git: gitserver.Config{Wrap: git.wrap}}, names...)
				for _, at := range stages() {
					m.killAt(s.t, &git, at)
				}
			})
		})
	}
}

// killAt kills the updater in the middle of a run, starts it again and looks whether anything can be seen of that.
func (m *team) killAt(t *testing.T, git *crossing, at stage) {
	t.Helper()
	resume := m.release(t)
	before := len(m.Commits(t, "gitops.git"))
	b := newBarrier(at)
	git.barrier.Store(b)
	resume()
	b.reached(t)
	if err := m.Process(harness.Updater).Kill(); err != nil {
		t.Fatal(err)
	}
	git.barrier.Store(nil)
	b.release(t)
	arrived := len(m.Commits(t, "gitops.git")) - before
	if at.arrived && arrived == 0 || !at.arrived && !at.perhaps && arrived != 0 {
		t.Errorf("killed when %s: %d commits had arrived", at.name, arrived)
	}
	m.Process(harness.Updater).Start(t)
	m.settled(t)
	m.complete(t)
	if t.Failed() {
		t.Fatalf("killed when %s", at.name)
	}
}
