// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"fmt"
	"strings"
	"testing"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
)

func TestAChosenTagIsCommittedAsAOneLineDiff(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"apps/web.yaml": deployment("web", "ghcr.io/a/web:1.0.0"), "README.md": "# read me\n"})
	const trace = "0af7651916cd43dd8448eb211c80319c"
	w.up.choose("web", "ghcr.io/a/web:1.0.1", traced("00-"+trace+"-b7ad6b7169203331-01"))
	r := w.start()
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Update = &updaterv1.UpdateStrategy{Path: "./apps"}
	r.apply(a)
	got := r.ready("web", "Succeeded", "pushed commit '")
	commits := w.log("gitops", "main")
	if len(commits) != 2 || commits[0].Author != "Robot <robot@example.com>" || commits[0].Message != "Update from image update automation" {
		t.Fatalf("commits: %+v", commits)
	}
	diff, err := w.git.Diff("gitops", "main")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"-  image:   'ghcr.io/a/web:1.0.0' #", "+  image:   'ghcr.io/a/web:1.0.1' #"} {
		if strings.Count(diff, "\n"+line) != 1 {
			t.Errorf("the diff has not the one line %q:\n%s", line, diff)
		}
	}
	if plus, minus := strings.Count(diff, "\n+"), strings.Count(diff, "\n-"); plus != 2 || minus != 2 { // with +++ and ---
		t.Errorf("more than one line changed:\n%s", diff)
	}
	s := got.GetStatus()
	want := fmt.Sprintf("pushed commit '%.7s' to branch 'main'", commits[0].ID)
	if conditions.Ready(s).GetMessage() != want || s.GetLastPushCommit() != commits[0].ID || s.GetLastPushTime() == nil ||
		s.GetLastAutomationRunTime() == nil || s.GetObservedGeneration() != 1 || s.GetObservedSourceRevision() != "main@sha1:"+commits[0].ID {
		t.Errorf("status: %v", s)
	}
	if p := s.GetObservedPolicies()["web"]; p.GetName() != "ghcr.io/a/web" || p.GetTag() != "1.0.1" {
		t.Errorf("observed policies: %v", s.GetObservedPolicies())
	}
	if n := w.up.compared.Load(); n != 1 {
		t.Errorf("the tags were compared %d times", n)
	}
	records := r.records("web")
	if len(records) != 1 {
		t.Fatalf("records: %v", records)
	}
	run := records[0]
	if run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_PUSHED || run.GetCommit() != commits[0].ID || run.GetBase() != commits[1].ID ||
		run.GetTraceId() != trace || run.GetEndTime() == nil || len(run.GetChanges()) != 1 {
		t.Errorf("record: %v", run)
	}
	if c := run.GetChanges()[0]; c.GetPath() != "apps/web.yaml" || c.GetLine() != 5 || c.GetNode() != "spec.image" || c.GetObject() != "Deployment/web" ||
		c.GetSetter() != "flux-system:web" || c.GetOldValue() != "ghcr.io/a/web:1.0.0" || c.GetNewValue() != "ghcr.io/a/web:1.0.1" {
		t.Errorf("change: %v", c)
	}
	eventually(t, "the source has the pushed revision", func() bool {
		s := r.getSource("gitops").GetStatus()
		return s.GetArtifact().GetRevision() == "main@sha1:"+commits[0].ID &&
			conditions.Ready(s).GetMessage() == "stored artifact for revision 'main@sha1:"+commits[0].ID+"'"
	})
}

func TestNothingToChangeMakesNoCommit(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.1")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	r := w.start()
	r.applySource(w.source("gitops"))
	r.apply(automation("web", "gitops"))
	r.ready("web", "Succeeded", "repository up-to-date")
	steps, run, err := r.runNow("web")
	if err != nil || run.GetOutcome() != updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE || run.GetTrigger() != updaterv1.RunTrigger_RUN_TRIGGER_REQUEST {
		t.Errorf("run: %v, %v", run, err)
	}
	if len(steps) != 2 || !strings.HasPrefix(steps[0], "fetched main at ") || !strings.HasPrefix(steps[1], "found 1 marked files") {
		t.Errorf("steps: %q", steps)
	}
	if n := len(w.log("gitops", "main")); n != 1 || len(r.records("web")) != 0 {
		t.Errorf("%d commits, records %v", n, r.records("web"))
	}
}

func TestABurstOfChangesMakesAtMostTwoCommits(t *testing.T) {
	w := newWorld(t)
	files := map[string]string{}
	for i := range 20 {
		name := fmt.Sprintf("app%d", i)
		files[name+".yaml"] = deployment(name, "ghcr.io/a/"+name+":1.0.0")
		w.up.choose(name, "ghcr.io/a/"+name+":1.0.0")
	}
	w.repository("gitops", files)
	r := w.start(func(c *Config) { c.Settle = 0 }) // the default, a second
	r.applySource(w.source("gitops"))
	r.apply(automation("all", "gitops"))
	r.ready("all", "Succeeded", "repository up-to-date")
	w.up.choose("app0", "ghcr.io/a/app0:1.0.1")
	eventually(t, "the first is committed at once", func() bool { return len(w.log("gitops", "main")) == 2 })
	for tag := 2; tag <= 3; tag++ {
		for i := range 20 {
			w.up.choose(fmt.Sprintf("app%d", i), fmt.Sprintf("ghcr.io/a/app%d:1.0.%d", i, tag))
		}
	}
	eventually(t, "all 20 choices are committed", func() bool {
		for i := range 20 {
			if !strings.Contains(w.file("gitops", "main", fmt.Sprintf("app%d.yaml", i)), ":1.0.3'") {
				return false
			}
		}
		return true
	})
	if n := len(w.log("gitops", "main")) - 1; n > 2 {
		t.Errorf("the burst made %d commits", n)
	}
}

func TestOldTemplatesAndValuesMakeTheMessage(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	r := w.start()
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Git.Commit.MessageTemplate = "{{ .AutomationObject }} in {{ .Values.env }}\n{{ range .Updated.Images }}- {{ . }}\n{{ end }}{{ range .Changed.Changes }}{{ .OldValue }}{{ end }}"
	a.Spec.Git.Commit.MessageTemplateValues = map[string]string{"env": "test"}
	r.apply(a)
	r.ready("web", "Succeeded", "pushed")
	if got, want := w.log("gitops", "main")[0].Message, "flux-system/web in test\n- ghcr.io/a/web:1.0.1\nghcr.io/a/web:1.0.0"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestOnlySelectedPoliciesAreWrittenAndTheRestIsReported(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{
		"a.yaml": deployment("mine", "ghcr.io/a/mine:1.0.0"), "b.yaml": deployment("theirs", "ghcr.io/a/theirs:1.0.0"),
		"c.yaml": deployment("nobody", "ghcr.io/a/nobody:1.0.0"), "d.yaml": deployment("unchosen", "ghcr.io/a/unchosen:1.0.0"),
		"e.yaml": "image: x # {\"$imagepolicy\": \"other:web\"}\n", "f.yaml": "image: x # {\"$imagepolicy\": 7}\n",
		"g.yaml": "image: [ # {\"$imagepolicy\": \"flux-system:mine\"}\n",
	})
	w.up.choose("mine", "ghcr.io/a/mine:2.0.0", labelled(map[string]string{"team": "a"}))
	w.up.choose("theirs", "ghcr.io/a/theirs:2.0.0", labelled(map[string]string{"team": "b"}))
	w.up.choose("unchosen", "", labelled(map[string]string{"team": "a"}))
	r := w.start()
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.PolicySelector = &updaterv1.LabelSelector{MatchExpressions: []*updaterv1.LabelSelectorRequirement{
		{Key: "team", Operator: updaterv1.SelectorOperator_SELECTOR_OPERATOR_IN, Values: []string{"a"}},
	}}
	r.apply(a)
	s := r.ready("web", "Succeeded", "pushed").GetStatus()
	if !strings.Contains(w.file("gitops", "main", "a.yaml"), ":2.0.0") || !strings.Contains(w.file("gitops", "main", "b.yaml"), ":1.0.0") {
		t.Error("the wrong file was written")
	}
	if _, ok := s.GetObservedPolicies()["mine"]; !ok || len(s.GetObservedPolicies()) != 1 {
		t.Errorf("observed: %v", s.GetObservedPolicies())
	}
	for i, want := range []string{
		"b.yaml:5: ImagePolicy 'flux-system/theirs' is not selected by spec.policySelector",
		"c.yaml:5: there is no ImagePolicy 'flux-system/nobody'; create it, or correct the marker",
		"d.yaml:5: ImagePolicy 'flux-system/unchosen' has chosen no image yet",
		"e.yaml:1: the marker names ImagePolicy 'other/web', and only those of namespace 'flux-system' are used",
		"f.yaml:1: the marker is no JSON object of strings",
		"g.yaml was left alone: line ",
	} {
		if i >= len(s.GetWarnings()) || !strings.HasPrefix(s.GetWarnings()[i], want) {
			t.Fatalf("warnings %q\nwant at %d %q", s.GetWarnings(), i, want)
		}
	}
	w.up.choose("theirs", "ghcr.io/a/theirs:2.0.0", labelled(map[string]string{"team": "a"}))
	eventually(t, "the policy that is selected now is written", func() bool {
		return strings.Contains(w.file("gitops", "main", "b.yaml"), ":2.0.0")
	})
}

func TestAPushBranchIsCreatedFromTheCheckoutAndThenBuiltOn(t *testing.T) {
	w := newWorld(t)
	w.repository("gitops", map[string]string{"web.yaml": deployment("web", "ghcr.io/a/web:1.0.0")})
	w.up.choose("web", "ghcr.io/a/web:1.0.1")
	r := w.start()
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	a.Spec.Git.Push = &updaterv1.PushSpec{Branch: "tidemark/updates"}
	r.apply(a)
	r.ready("web", "Succeeded", "pushed")
	first := w.log("gitops", "tidemark/updates")
	if len(first) != 2 || len(w.log("gitops", "main")) != 1 {
		t.Fatalf("commits: %v", first)
	}
	w.up.choose("web", "ghcr.io/a/web:1.0.2")
	eventually(t, "the second commit is on the first", func() bool {
		commits := w.log("gitops", "tidemark/updates")
		return len(commits) == 3 && commits[1].ID == first[0].ID
	})
	if !strings.HasPrefix(r.getSource("gitops").GetStatus().GetArtifact().GetRevision(), "main@sha1:"+first[1].ID) {
		t.Error("the source's revision is not main's")
	}
}

func TestTheWordOfAPushStandsUntilSomebodyAsks(t *testing.T) {
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	a := automation("web", "gitops")
	r.apply(a)
	said := conditions.Ready(r.ready("web", "Succeeded", "pushed commit '").GetStatus()).GetMessage()

	a.Spec.Git.Commit.Author.Name = "Somebody else"
	r.apply(a)
	generation := r.get("web").GetMetadata().GetGeneration()
	eventually(t, "the new spec has been run", func() bool {
		return r.get("web").GetStatus().GetObservedGeneration() == generation
	})
	if now := conditions.Ready(r.get("web").GetStatus()).GetMessage(); now != said {
		t.Errorf("after a run that nobody asked for: %q, want %q", now, said)
	}
	if _, _, err := r.runNow("web"); err != nil {
		t.Fatal(err)
	}
	r.ready("web", "Succeeded", "repository up-to-date")
}
