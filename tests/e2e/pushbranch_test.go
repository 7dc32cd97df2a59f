// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// proposal is a pipeline whose automation proposes: it pushes to a branch of its own, and to a second reference.
type proposal struct{ *harness.World }

func newProposal(s scenario) proposal {
	t := s.t
	w := proposal{suite.NewWorld(t, s.kind, harness.Options{Env: []string{soon}})}
	w.Push(t, "app", "1.0.0", "1.1.0")
	url := w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "1.0.0", "app")})
	w.Apply(t, w.RepositoryManifest("app", "app", "10m"), harness.PolicyManifest("app", "app", "1.x"), harness.SourceManifest("gitops", url),
		harness.UpdateManifest("gitops", "gitops", "10m", "    push: {branch: updates, refspec: \"HEAD:refs/for/main\"}\n"))
	return w
}

// tip is the commit that a reference is at; empty: there is no such reference.
func (w proposal) tip(ref string) string {
	id, err := w.Git.Resolve("gitops.git", ref)
	if err != nil {
		return ""
	}
	return id
}

// awaitProposed waits until the push branch has a tag.
func (w proposal) awaitProposed(t *testing.T, tag string) {
	t.Helper()
	harness.Await(t, tag+" on the push branch", func(context.Context) error {
		content, err := w.Git.ReadFile("gitops.git", "updates", "app.yaml")
		if err == nil && !strings.Contains(content, ":"+tag+" ") {
			err = fmt.Errorf("the file is\n%s", content)
		}
		return err
	})
}

// awaitSame waits until the second reference is where the push branch is.
func (w proposal) awaitSame(t *testing.T) {
	t.Helper()
	harness.Await(t, "the second reference is where the push branch is", func(context.Context) error {
		if a, b := w.tip("updates"), w.tip("refs/for/main"); a != b {
			return fmt.Errorf("the branch is at %q, the reference at %q", a, b)
		}
		return nil
	})
}

// release has a new tag found.
func (w proposal) release(t *testing.T, tag string) {
	t.Helper()
	w.Push(t, "app", tag)
	scan(t, w.World)
}

func TestAPushBranchAndASecondReferenceFollowTheirBase(t *testing.T) {
	each(t, func(s scenario) {
		t, w := s.t, newProposal(s)
		w.awaitProposed(t, "1.1.0")
		w.awaitSame(t)
		wantCommits(t, w.World, 1) // nothing but a proposal was made

		// A second push that fails is told of, and made up for.
		if err := w.Git.SetHook("gitops.git", "update", `case "$1" in refs/for/*) echo "no reviews today" >&2; exit 1;; esac`); err != nil {
			t.Fatal(err)
		}
		w.release(t, "1.2.0")
		w.awaitProposed(t, "1.2.0")
		w.AwaitCondition(t, harness.Update("gitops"), harness.NotReady("", "but not to refs/for/main", "no reviews today"))
		w.AwaitLine(t, "not yet at refs/for/main", "history", "image", "update", "gitops")
		w.release(t, "1.2.1") // and keeps nothing from the first
		w.awaitProposed(t, "1.2.1")
		if err := w.Git.SetHook("gitops.git", "update", ""); err != nil {
			t.Fatal(err)
		}
		w.Do(t, "reconcile", "image", "update", "gitops")
		w.awaitSame(t)
		w.AwaitCondition(t, harness.Update("gitops"), harness.Ready())
		if history := w.Do(t, "history", "image", "update", "gitops"); strings.Contains(history, "not yet at") {
			t.Errorf("the history still says so:\n%s", history)
		}
		if n := w.commits(t, "main..updates"); n != 3 {
			t.Errorf("the push branch has %d commits, want 3", n)
		}

		// The base moves: the branch is built anew on it.
		base := w.commit(t, "main", "theirs.txt")
		w.release(t, "1.3.0")
		w.awaitProposed(t, "1.3.0")
		if n := w.commits(t, "main..updates"); n != 1 || w.tip("updates~1") != base {
			t.Errorf("the push branch has %d commits above %s, want 1 above %s", n, w.tip("updates~1"), base)
		}

		w.awaitSame(t)

		// With somebody's work on it, it is gone on with, and never pushed over.
		theirs := w.commit(t, "updates", "fixup.txt")
		w.commit(t, "main", "more.txt")
		w.release(t, "1.4.0")
		w.awaitProposed(t, "1.4.0")
		if w.tip("updates~1") != theirs {
			t.Errorf("somebody's commit %s is not below the branch's tip", theirs)
		}
		w.awaitSame(t)
		harness.Await(t, "a warning about the push branch", func(context.Context) error {
			warnings := automation(t, w.World, "gitops").GetStatus().GetWarnings()
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "branch 'updates' is behind main@sha1:") {
				return fmt.Errorf("the warnings are %q", warnings)
			}
			return nil
		})
	})
}

// commits counts those of a range.
func (w proposal) commits(t *testing.T, revisions string) int {
	t.Helper()
	log, err := w.Git.Log("gitops.git", revisions)
	if err != nil {
		t.Fatal(err)
	}
	return len(log)
}

// commit commits a file to a branch, as somebody else.
func (w proposal) commit(t *testing.T, branch, file string) string {
	t.Helper()
	id, err := w.Git.Commit("gitops.git", branch, map[string]string{file: "theirs\n"}, "somebody else's")
	if err != nil {
		t.Fatal(err)
	}
	return id
}
