// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/run"
)

// counting counts the requests that fetch and that push.
func counting(fetches, pushes *atomic.Int32) func(*gitserver.Config) {
	return func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				switch {
				case req.URL.Query().Get("service") == "git-upload-pack":
					fetches.Add(1)
				case req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/git-receive-pack"):
					pushes.Add(1)
				}
				next.ServeHTTP(rw, req)
			})
		}
	}
}

// trio is a repository of three folders, with an automation for each.
func trio(t *testing.T, configure ...func(*gitserver.Config)) (*world, *running) {
	t.Helper()
	w := newWorld(t, configure...)
	files := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		files[name+"/app.yaml"] = deployment(name, "ghcr.io/a/"+name+":1.0.0")
		w.up.choose(name, "ghcr.io/a/"+name+":1.0.0")
	}
	w.repository("gitops", files)
	r := w.start()
	r.applySource(w.source("gitops"))
	for _, name := range []string{"a", "b", "c"} {
		a := automation(name, "gitops")
		a.Spec.Update = &updaterv1.UpdateStrategy{Path: name}
		a.Spec.Git.Commit.MessageTemplate = "update " + name
		r.apply(a)
	}
	for _, name := range []string{"a", "b", "c"} {
		r.ready(name, "Succeeded", "repository up-to-date")
	}
	return w, r
}

// together runs automations in one run, as the dispatcher does when they are due at the same time.
func (r *running) together(names ...string) []run.Outcome {
	r.t.Helper()
	members := make([]run.Member, len(names))
	for i, name := range names {
		members[i] = run.Member{Key: object.KeyOf("", name), Request: run.Request{Trigger: updaterv1.RunTrigger_RUN_TRIGGER_POLICY}}
	}
	return r.service.runner.Run(r.t.Context(), members)
}

func TestAutomationsOfOneBranchShareAFetchAndAPush(t *testing.T) {
	var fetches, pushes atomic.Int32
	w, r := trio(t, counting(&fetches, &pushes))
	r.stop()
	for _, name := range []string{"a", "b", "c"} {
		w.up.choose(name, "ghcr.io/a/"+name+":1.0.1")
	}
	second := w.prepare()
	second.stored()
	fetches.Store(0)
	outcomes := second.together("a", "b", "c")
	if fetches.Load() != 1 || pushes.Load() != 1 {
		t.Errorf("%d fetches, %d pushes", fetches.Load(), pushes.Load())
	}
	commits := w.log("gitops", "main")
	if len(commits) != 4 {
		t.Fatalf("commits: %+v", commits)
	}
	for i, name := range []string{"a", "b", "c"} {
		commit := commits[2-i]
		if commit.Message != "update "+name || outcomes[i].Failure != nil || outcomes[i].Run.GetCommit() != commit.ID || outcomes[i].Run.GetBase() != commits[3-i].ID {
			t.Errorf("%s: %+v, %+v", name, commit, outcomes[i])
		}
		if records := second.records(name); len(records) != 1 || records[0].GetCommit() != commit.ID {
			t.Errorf("%s: records %v", name, records)
		}
		if s := second.get(name).GetStatus(); s.GetLastPushCommit() != commit.ID || s.GetObservedSourceRevision() != "main@sha1:"+commits[0].ID {
			t.Errorf("%s: status %v", name, s)
		}
	}
}

func TestOneThatFailsKeepsNoOtherFromItsCommit(t *testing.T) {
	w, r := trio(t)
	r.stop()
	for _, name := range []string{"a", "b", "c"} {
		w.up.choose(name, "ghcr.io/a/"+name+":1.0.1")
	}
	if err := w.git.SetHook("gitops", "update", `if git log --format=%s "$2..$3" | grep -q "update b"; then echo "no b today" >&2; exit 1; fi`); err != nil {
		t.Fatal(err)
	}
	second := w.prepare()
	second.stored()
	missing := automation("missing", "gitops")
	missing.Spec.Git.Checkout = &updaterv1.GitCheckout{Ref: &updaterv1.GitRef{Branch: "gone"}}
	missing.Spec.Git.Push = &updaterv1.PushSpec{Branch: "main"}
	second.apply(missing)
	outcomes := second.together("a", "b", "missing", "c")
	for i, want := range []string{"", "no b today", "branch 'gone' not found", ""} {
		failure := ""
		if outcomes[i].Failure != nil {
			failure = outcomes[i].Failure.Sentence
		}
		if (want == "") != (failure == "") || !strings.Contains(failure, want) {
			t.Errorf("%d: failure %q, want %q", i, failure, want)
		}
	}
	var subjects []string
	for _, commit := range w.log("gitops", "main") {
		subjects = append(subjects, commit.Message)
	}
	if got := strings.Join(subjects[:len(subjects)-1], ", "); got != "update c, update a" {
		t.Errorf("commits: %s", got)
	}
	if records := second.records("b"); len(records) != 0 {
		t.Errorf("the one that was refused: %v", records)
	}
}

func TestWhatOneHasWrittenIsNotWrittenByAnother(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	r := w.prepare()
	r.stored()
	r.applySource(w.source("gitops"))
	r.apply(automation("first", "gitops"))
	r.apply(automation("second", "gitops"))
	outcomes := r.together("first", "second")
	commits := w.log("gitops", "main")
	if len(commits) != 2 || outcomes[0].Run.GetCommit() != commits[0].ID || outcomes[1].Run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE {
		t.Errorf("%+v, %v, %v", commits, outcomes[0].Run, outcomes[1].Run)
	}
	if _, err := w.git.Commit("gitops", "main", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")}, "Revert"); err != nil {
		t.Fatal(err)
	}
	for i, outcome := range r.together("first", "second") {
		if len(outcome.Run.GetHeld()) != 1 {
			t.Errorf("%d does not respect the revert of what the first has written: %v", i, outcome.Run)
		}
	}
}

func TestManyAutomationsOfOneBranchEndInAFewPushes(t *testing.T) {
	var fetches, pushes atomic.Int32
	w := newWorld(t, counting(&fetches, &pushes))
	files := map[string]string{}
	const n = 12
	for i := range n {
		name := fmt.Sprintf("app%d", i)
		files[name+"/app.yaml"] = deployment(name, "ghcr.io/a/"+name+":1.0.0")
		w.up.choose(name, "ghcr.io/a/"+name+":1.0.0")
	}
	w.repository("gitops", files)
	r := w.start()
	r.applySource(w.source("gitops"))
	for i := range n {
		a := automation(fmt.Sprintf("app%d", i), "gitops")
		a.Spec.Update = &updaterv1.UpdateStrategy{Path: a.GetMetadata().GetName()}
		a.Spec.PolicySelector = nil
		r.apply(a)
	}
	for i := range n {
		r.ready(fmt.Sprintf("app%d", i), "Succeeded", "repository up-to-date")
	}
	for i := range n {
		w.up.choose(fmt.Sprintf("app%d", i), fmt.Sprintf("ghcr.io/a/app%d:1.0.1", i))
	}
	for i := range n {
		eventually(t, "every choice is committed", w.says(fmt.Sprintf("app%d/app.yaml", i), ":1.0.1'"))
	}
	if commits := len(w.log("gitops", "main")) - 1; commits != n || pushes.Load() > 3 {
		t.Errorf("%d commits in %d pushes", commits, pushes.Load())
	}
}
