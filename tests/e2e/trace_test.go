// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// lineage is what this test reads of `tidemark trace -o json`.
type lineage struct {
	Tag  string
	Scan struct{ Trigger, Receiver, TraceID string }
	// Digest is the registry's.
	Digest   string
	Policies []struct{ Policy, Verdict string }
	Written  []struct {
		Path, Old, New, Commit, TraceID string
		Line                            int
	}
}

func TestTraceFollowsATagFromTheWebhookIntoGitAndBack(t *testing.T) {
	each(t, func(s scenario) {
		t := s.t
		w := suite.NewWorld(t, s.kind, harness.Options{})
		write(t, w.SecretsDir, "flux-system/hook/token", hookToken)
		w.Push(t, "app", "1.0.0")
		w.CreateGit(t, "gitops.git", map[string]string{"app.yaml": harness.Deployed(w.Image("app"), "0.9.0", "app")})
		w.Apply(t, w.RepositoryManifest("app", "app", "0s")+"---\n"+harness.PolicyManifest("app", "app", "1.x")+"---\n"+
			harness.SourceManifest("gitops", w.Git.RepositoryURL("gitops.git"))+"---\n"+
			harness.UpdateManifest("gitops", "gitops", "0s", "")+"---\n"+receiver)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.0.0 ")
		w.AwaitLine(t, "Receiver initialized for path: "+hookPath(), "get", "receivers")
		w.Push(t, "app", "1.1.0", "2.0.0")
		call(t, w, hookPath(), http.StatusOK)
		w.AwaitFile(t, "gitops.git", "app.yaml", ":1.1.0 ")
		harness.Await(t, "the second run's end", func(context.Context) error {
			if n := len(w.Pushed(t, "gitops")); n != 2 {
				return fmt.Errorf("%d runs have pushed", n)
			}
			return nil
		})

		var answer struct{ Images []lineage }
		if err := json.Unmarshal([]byte(w.Do(t, "trace", "image", w.Image("app"), "-o", "json")), &answer); err != nil || len(answer.Images) != 1 {
			t.Fatalf("%+v, %v", answer, err)
		}
		got := answer.Images[0]
		if got.Tag != "1.1.0" || got.Scan.Trigger != "webhook" || got.Scan.Receiver != "flux-system/registry" || !strings.HasPrefix(got.Digest, "sha256:") ||
			len(got.Policies) != 1 || got.Policies[0].Verdict != "SELECTED" || len(got.Written) != 1 {
			t.Fatalf("%+v", got)
		}
		commits := w.Commits(t, "gitops.git")
		last := commits[len(commits)-1]
		written := got.Written[0]
		if written.Commit != last.ID || written.Path != "app.yaml" || !strings.HasSuffix(written.New, ":1.1.0") || written.TraceID != got.Scan.TraceID {
			t.Errorf("written %+v, the last commit is %s", written, last.ID)
		}

		began := time.Now()
		w.Do(t, "trace", "image", "app")
		t.Logf("trace image took %v with the program's start", time.Since(began))

		first := w.Do(t, "trace", "image", "app:1.0.0")
		for _, want := range []string{"by the repository's first scan", "ELIGIBLE", "1.0.0 is lower than 1.1.0", "since replaced by " + w.Image("app") + ":1.1.0"} {
			if !strings.Contains(first, want) {
				t.Errorf("want %q in\n%s", want, first)
			}
		}
		other := w.Do(t, "trace", "image", "app:2.0.0")
		for _, want := range []string{"OUT_OF_RANGE", "not written", "no recorded run wrote it"} {
			if !strings.Contains(other, want) {
				t.Errorf("want %q in\n%s", want, other)
			}
		}
		back := w.Do(t, "trace", "file", "app.yaml")
		for _, want := range []string{"marker       flux-system:app\n", last.ID, "still says 1.1.0", "the webhook of Receiver flux-system/registry", got.Scan.TraceID + ", the scan's"} {
			if !strings.Contains(back, want) {
				t.Errorf("want %q in\n%s", want, back)
			}
		}
	})
}
