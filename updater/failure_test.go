// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// usual makes the usual case: one repository with one file, one policy that wants 1.0.1.
func usual(t *testing.T, configure ...func(*gitserver.Config)) (*world, *running) {
	t.Helper()
	w := newWorld(t, configure...)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	return w, w.start()
}

// eager is an automation that looks again soon after a failure: after firstRetry or so.
func eager(name, source string) *updaterv1.ImageUpdateAutomation {
	a := automation(name, source)
	a.Spec.Interval = durationpb.New(time.Second)
	return a
}

func TestALostRaceIsRunAgainAndBothChangesLand(t *testing.T) {
	var w *world
	var raced atomic.Bool
	w, r := usual(t, func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				if strings.HasSuffix(req.URL.Path, "/git-receive-pack") && req.Method == http.MethodPost && raced.CompareAndSwap(false, true) {
					if _, err := w.git.Commit("gitops", "main", map[string]string{"other.txt": "faster\n"}, "somebody was faster"); err != nil {
						t.Error(err)
					}
				}
				next.ServeHTTP(rw, req)
			})
		}
	})
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "pushed")
	commits := w.log("gitops", "main")
	if len(commits) != 3 || commits[1].Message != "somebody was faster" {
		t.Fatalf("commits: %+v", commits)
	}
	if !strings.Contains(w.file("gitops", "main", "web.yaml"), ":1.0.1") || w.file("gitops", "main", "other.txt") != "faster\n" {
		t.Error("a change is lost")
	}
	if records := r.records("web"); len(records) != 1 || records[0].GetCommit() != commits[0].ID {
		t.Errorf("records: %v", records)
	}
}

func TestABranchThatIsMissingIsToldOfAndFoundLater(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Git.Checkout = &updaterv1.GitCheckout{Ref: &updaterv1.GitRef{Branch: "production"}}
	r.apply(a)
	got := r.ready("web", "GitOperationFailed", "branch 'production' not found on remote "+w.git.RepositoryURL("gitops")+": create it, or set spec.git.checkout.ref")
	if conditions.IsTrue(got.GetStatus().GetConditions(), conditions.TypeStalled) {
		t.Error("it is stalled, though the branch may come")
	}
	if _, _, err := r.runNow("web"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_GIT_FAILED || !strings.Contains(err.Error(), "create it") {
		t.Errorf("asked for: %v", err)
	}
	if _, err := w.git.Git("gitops", nil, "branch", "production", "main"); err != nil {
		t.Fatal(err)
	}
	if _, run, err := r.runNow("web"); err != nil || run.GetBranch() != "production" || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		t.Errorf("run: %v, %v", run, err)
	}
	r.ready("web", "Succeeded", "pushed")
}

func TestATagCannotBePushedTo(t *testing.T) {
	w, r := usual(t)
	if _, err := w.git.Git("gitops", nil, "tag", "v1.0.0", "main"); err != nil {
		t.Fatal(err)
	}
	source := w.source("gitops")
	source.Spec.Ref = &updaterv1.GitRef{Tag: "v1.0.0"}
	r.applySource(source)
	r.apply(automation("web", "gitops"))
	a := r.ready("web", "InvalidSourceConfiguration", "what is checked out is no branch (v1.0.0@sha1:")
	if !conditions.IsTrue(a.GetStatus().GetConditions(), conditions.TypeStalled) {
		t.Error("it is not stalled")
	}
	a.Spec.Git.Push = &updaterv1.PushSpec{Branch: "updates"}
	r.apply(a)
	r.ready("web", "Succeeded", "pushed commit")
}

func TestAHooksRefusalIsTold(t *testing.T) {
	w, r := usual(t)
	if err := w.git.SetHook("gitops", "pre-receive", "echo 'only on Tuesdays' >&2; exit 1"); err != nil {
		t.Fatal(err)
	}
	r.applySource(w.source("gitops"))
	r.apply(eager("web", "gitops"))
	a := r.ready("web", "GitOperationFailed", "push "+w.git.RepositoryURL("gitops")+": the Git server refused the push")
	if message := conditions.Ready(a.GetStatus()).GetMessage(); !strings.Contains(message, "only on Tuesdays") {
		t.Errorf("message: %s", message)
	}
	records := r.runs("web")
	if len(records) == 0 || records[0].GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_FAILED || records[0].GetCommit() != "" || a.GetStatus().GetLastPushCommit() != "" {
		t.Errorf("records: %v", records)
	}
	if err := w.git.SetHook("gitops", "pre-receive", ""); err != nil {
		t.Fatal(err)
	}
	r.ready("web", "Succeeded", "pushed") // by itself
	if n := len(w.log("gitops", "main")); n != 2 {
		t.Errorf("%d commits", n)
	}
}

func TestARemoteThatIsDownIsTriedAgain(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	w, r := usual(t, func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				if down.Load() {
					panic(http.ErrAbortHandler)
				}
				next.ServeHTTP(rw, req)
			})
		}
	})
	r.applySource(w.source("gitops"))
	r.apply(eager("web", "gitops"))
	r.ready("web", "GitOperationFailed", "fetch "+w.git.RepositoryURL("gitops")+": the Git server cannot be reached")
	eventually(t, "the source says so", func() bool {
		return conditions.Ready(r.getSource("gitops").GetStatus()).GetReason() == "GitOperationFailed"
	})
	down.Store(false)
	r.ready("web", "Succeeded", "pushed")
	eventually(t, "the source is well", func() bool {
		return conditions.IsTrue(r.getSource("gitops").GetStatus().GetConditions(), conditions.TypeReady)
	})
}

func TestASourceThatIsMissingHealsWhenItAppears(t *testing.T) {
	w, r := usual(t)
	r.apply(automation("web", "gitops"))
	r.ready("web", "DependencyNotReady", "referenced GitRepository 'flux-system/gitops' does not exist")
	_, _, err := r.runNow("web")
	if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_DEPENDENCY_NOT_READY {
		t.Errorf("asked for: %v", err)
	}
	r.applySource(w.source("gitops"))
	r.ready("web", "Succeeded", "pushed")
}

func TestWhatIsSuspendedRests(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Suspend = true
	r.apply(a)
	if _, _, err := r.runNow("web"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED {
		t.Errorf("asked for: %v", err)
	}
	source := w.source("gitops")
	source.Spec.Suspend = true
	r.applySource(source)
	a.Spec.Suspend = false
	r.apply(a)
	r.ready("web", "DependencyNotReady", "referenced GitRepository 'flux-system/gitops' is suspended; resume it")
	if n := len(w.log("gitops", "main")); n != 1 {
		t.Errorf("%d commits", n)
	}
	if _, err := r.service.automations.SetOverride(t.Context(), object.KeyOf("", "web"),
		&metav1.Override{Suspension: &metav1.Suspension{Actor: "somebody"}}); err != nil {
		t.Fatal(err)
	}
	source.Spec.Suspend = false
	r.applySource(source)
	if _, _, err := r.runNow("web"); rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_SUSPENDED {
		t.Errorf("asked for against an operator's word: %v", err)
	}
	if _, err := r.service.automations.SetOverride(t.Context(), object.KeyOf("", "web"), nil); err != nil {
		t.Fatal(err)
	}
	r.ready("web", "Succeeded", "pushed")
}

func TestSecretsAreReadAnewByEachRun(t *testing.T) {
	w, r := usual(t, func(c *gitserver.Config) { c.Username, c.Password = "robot", "opensesame" })
	source := w.source("gitops")
	source.Spec.SecretRef = &metav1.LocalObjectReference{Name: "git"}
	r.applySource(source)
	r.apply(automation("web", "gitops"))
	r.ready("web", "GitOperationFailed", "the Git remote was not asked: the secret cannot be used: there is no secret 'flux-system/git'")
	set := func(password string) {
		if err := w.secrets.Set("flux-system", "git", secret.Secret{"username": []byte("robot"), "password": []byte(password + "\n")}); err != nil {
			t.Fatal(err)
		}
	}
	set("wrong-password")
	_, _, err := r.runNow("web")
	if err == nil || !strings.Contains(err.Error(), "the Git server refused the credential") || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("with a wrong password: %v", err)
	}
	eventually(t, "the source says so", func() bool {
		return conditions.Ready(r.getSource("gitops").GetStatus()).GetReason() == "AuthenticationFailed"
	})
	set("opensesame")
	if _, run, err := r.runNow("web"); err != nil || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
		t.Errorf("with the right one: %v, %v", run, err)
	}
}

func TestAutomationsOfOneBranchRunOneAfterAnother(t *testing.T) {
	var posts, fetching atomic.Int32
	w := newWorld(t, func(c *gitserver.Config) {
		c.Wrap = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
				if strings.HasSuffix(req.URL.Path, "/git-receive-pack") {
					posts.Add(1)
					if fetching.Add(1) > 1 {
						t.Error("two pushes at once")
					}
					defer fetching.Add(-1)
				}
				next.ServeHTTP(rw, req)
			})
		}
	})
	files := map[string]string{}
	const teams = 6
	for i := range teams {
		name := fmt.Sprintf("team%d", i)
		files[name+"/app.yaml"] = deployment(name, "ghcr.io/a/"+name+":1.0.0")
		w.up.choose(name, "ghcr.io/a/"+name+":1.0.0")
	}
	w.repository("gitops", files)
	r := w.start()
	r.applySource(w.source("gitops"))
	for i := range teams {
		a := automation(fmt.Sprintf("team%d", i), "gitops")
		a.Spec.Update = &updaterv1.UpdateStrategy{Path: fmt.Sprintf("team%d/app.yaml", i)} // a file
		r.apply(a)
	}
	for i := range teams {
		r.ready(fmt.Sprintf("team%d", i), "Succeeded", "repository up-to-date")
	}
	for i := range teams {
		w.up.choose(fmt.Sprintf("team%d", i), fmt.Sprintf("ghcr.io/a/team%d:1.0.1", i))
	}
	for i := range teams { // each uses all policies, so a later one's change may have made another run since
		eventually(t, "each has pushed", func() bool { return r.get(fmt.Sprintf("team%d", i)).GetStatus().GetLastPushCommit() != "" })
	}
	if n := len(w.log("gitops", "main")); n != teams+1 {
		t.Errorf("%d commits", n)
	}
	if n := posts.Load(); n > teams { // those that are due together push together
		t.Errorf("%d pushes for %d commits: a race was lost", n, teams)
	}
}

func TestAFileThatIsNotThereIsTold(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Update = &updaterv1.UpdateStrategy{Path: "./apps"}
	r.apply(a)
	r.ready("web", "InvalidPath", "walk "+w.git.RepositoryURL("gitops")+`: path not found in the repository: "apps" does not exist in this commit: correct update.path`)
}

func TestApplyRefusesWhatCannotWork(t *testing.T) {
	w, r := usual(t)
	for name, test := range map[string]struct {
		change func(*updaterv1.ImageUpdateAutomation)
		field  string
	}{
		"a path out of the repository": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.Update = &updaterv1.UpdateStrategy{Path: "apps/../../x"}
		}, "imageUpdateAutomation.spec.update.path"},
		"an absolute path": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.Update = &updaterv1.UpdateStrategy{Path: "/apps"}
		}, "imageUpdateAutomation.spec.update.path"},
		"a template that does not parse": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.Git.Commit.MessageTemplate = "{{ range }}"
		}, "imageUpdateAutomation.spec.git.commit.messageTemplate"},
		"In without values": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.PolicySelector = &updaterv1.LabelSelector{MatchExpressions: []*updaterv1.LabelSelectorRequirement{
				{Key: "x", Operator: updaterv1.SelectorOperator_SELECTOR_OPERATOR_IN}}}
		}, "imageUpdateAutomation.spec.policySelector.matchExpressions[0]"},
		"Exists with values": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.PolicySelector = &updaterv1.LabelSelector{MatchExpressions: []*updaterv1.LabelSelectorRequirement{
				{Key: "x", Operator: updaterv1.SelectorOperator_SELECTOR_OPERATOR_EXISTS, Values: []string{"y"}}}}
		}, "imageUpdateAutomation.spec.policySelector.matchExpressions[0]"},
		"a branch that none can be": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.Git.Push = &updaterv1.PushSpec{Branch: "a..b"}
		}, "imageUpdateAutomation.spec.git.push.branch"},
		"a short commit id": {func(a *updaterv1.ImageUpdateAutomation) {
			a.Spec.Git.Checkout = &updaterv1.GitCheckout{Ref: &updaterv1.GitRef{Commit: "abc123"}}
		}, "imageUpdateAutomation.spec.git.checkout.ref.commit"},
	} {
		a := automation("web", "gitops")
		test.change(a)
		_, err := r.automations.ApplyImageUpdateAutomation(t.Context(), &updaterv1.ApplyImageUpdateAutomationRequest{ImageUpdateAutomation: a})
		if v := rpcerr.FieldViolations(err); len(v) != 1 || v[0].Path != test.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	source := w.source("gitops")
	source.Spec.Url = "https://robot:opensesame@example.com/x.git"
	_, err := r.repositories.ApplyGitRepository(t.Context(), &updaterv1.ApplyGitRepositoryRequest{GitRepository: source})
	if v := rpcerr.FieldViolations(err); len(v) != 1 || v[0].Path != "gitRepository.spec.url" || strings.Contains(err.Error(), "opensesame") {
		t.Errorf("a URL with a password: %v", err)
	}
}

func TestASourceOfAnotherNamespaceMayBeForbidden(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	source := w.source("gitops")
	source.Metadata.Namespace = "shared"
	a := automation("web", "gitops")
	a.Spec.SourceRef.Namespace = "shared"
	strict := w.start(func(c *Config) { c.NoCrossNamespaceRefs = true })
	strict.applySource(source)
	strict.apply(a)
	strict.ready("web", "AccessDenied", "GitRepository 'shared/gitops' is in another namespace")
	strict.stop()
	w.start().ready("web", "Succeeded", "pushed")
}

func TestAChangedSecretMakesARun(t *testing.T) {
	w, r := usual(t, func(c *gitserver.Config) { c.Username, c.Password = "robot", "right" })
	source := w.source("gitops")
	source.Spec.SecretRef = &metav1.LocalObjectReference{Name: "git"}
	w.secret("git", map[string][]byte{"username": []byte("robot"), "password": []byte("wrong")})
	r.applySource(source)
	r.apply(automation("web", "gitops")) // whose interval is an hour
	r.ready("web", "GitOperationFailed", "")
	w.secret("git", map[string][]byte{"username": []byte("robot"), "password": []byte("right")})
	a := r.ready("web", "Succeeded", "pushed")
	if records := r.records("web"); len(records) != 1 || a.GetStatus().GetLastPushCommit() == "" {
		t.Errorf("records: %v", records)
	}
}
