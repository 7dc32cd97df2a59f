// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// sshKey makes a key: the private one as OpenSSH writes it, and the public one's line.
func sshKey(t *testing.T) (private, public string) {
	t.Helper()
	open, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	line, err := ssh.NewPublicKey(open)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), string(ssh.MarshalAuthorizedKey(line))
}

// trio are three automations of one repository, each of an image of its own, and a fourth that never has anything to do.
type trio struct {
	*harness.World
	git    crossing
	pushes atomic.Int32
	spans  *harness.Spans
	signer string // public
}

func newTrio(t *testing.T, kind harness.Kind) *trio {
	t.Helper()
	m := &trio{spans: harness.NewSpans(t, "127.0.0.1:0")}
	m.World = suite.NewWorld(t, kind, harness.Options{Env: append(m.spans.Env(), soon), Git: gitserver.Config{Wrap: m.count}})
	private, public := sshKey(t)
	m.signer = public
	write(t, m.SecretsDir, "flux-system/signing/identity", private)
	files := map[string]string{"idle/README.md": "nothing\n"}
	var manifests []string
	for _, name := range []string{"a", "b", "c"} {
		m.Push(t, name, "1.0.0")
		files[name+"/app.yaml"] = harness.Deployed(m.Image(name), "1.0.0", name)
		manifests = append(manifests, m.RepositoryManifest(name, name, "10m"), strings.Replace(harness.PolicyManifest(name, name, "1.x"), "{name: "+name+"}", "{name: "+name+", labels: {of: "+name+"}}", 1))
	}
	for _, name := range []string{"a", "b", "c", "idle"} {
		manifests = append(manifests, harness.UpdateManifest(name, "gitops", "10m", fmt.Sprintf(`      messageTemplate: update %[1]s
      signingKey: {type: ssh, secretRef: {name: signing}}
  update: {path: ./%[1]s}
  policySelector: {matchLabels: {of: %[1]s}}
`, name)))
	}
	source := harness.SourceManifest("gitops", m.CreateGit(t, "gitops.git", files))
	m.Apply(t, append(manifests, strings.Replace(source, "timeout: 5s", "timeout: 30s", 1))...) // a test holds its requests up
	for _, name := range []string{"a", "b", "c", "idle"} {
		m.AwaitCondition(t, harness.Update(name), harness.Ready("repository up-to-date"))
	}
	for _, name := range []string{"a", "b", "c"} {
		m.AwaitCondition(t, harness.Policy(name), harness.Ready("resolved to 1.0.0"))
	}
	return m
}

func (m *trio) count(next http.Handler) http.Handler {
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isPush(r) {
			m.pushes.Add(1)
		}
		next.ServeHTTP(w, r)
	})
	return m.git.wrap(counted)
}

// update lets a newer tag of each image be found while a run of the group is under way, so that all three wait for the next.
func (m *trio) update(t *testing.T) {
	t.Helper()
	b := newBarrier(stages()[0])
	m.git.barrier.Store(b)
	if _, err := m.Automations().RunImageUpdateAutomation(t.Context(), &updaterv1.RunImageUpdateAutomationRequest{Name: "idle"}); err != nil {
		t.Fatal(err)
	}
	b.reached(t)
	for _, name := range []string{"a", "b", "c"} {
		m.Push(t, name, "1.1.0")
		m.Do(t, "reconcile", "image", "repository", name)
		m.AwaitCondition(t, harness.Policy(name), harness.Ready("resolved to 1.1.0"))
	}
	// The updater hears of policies in the order of their changes: when it knows of a later one it knows of these.
	m.Apply(t, harness.PolicyManifest("later", "a", "9.x"))
	harness.Await(t, "the updater knows of all policies", func(ctx context.Context) error {
		metrics, err := get(ctx, "http://"+m.HTTPAddress(harness.Updater)+"/metrics")
		if n := sample(metrics, "tidemark_updater_policies", "", ""); err == nil && n != 4 {
			err = fmt.Errorf("it knows of %v", n)
		}
		return err
	})
	close(b.open)
	for _, name := range []string{"a", "b", "c"} {
		m.AwaitFile(t, "gitops.git", name+"/app.yaml", ":1.1.0 ")
		harness.Await(t, name+"'s run has ended", func(context.Context) error {
			if runs := m.Pushed(t, name); len(runs) != 1 {
				return fmt.Errorf("its runs are %v", runs)
			}
			return nil
		})
	}
}

func TestAGroupMakesOnePushOfSignedCommitsAndOneSpanOfIt(t *testing.T) {
	each(t, func(s scenario) {
		t, m := s.t, newTrio(s.t, s.kind)
		m.update(t)
		if n := m.pushes.Load(); n != 1 {
			t.Errorf("there were %d pushes", n)
		}
		commits := m.Commits(t, "gitops.git")
		if len(commits) != 4 {
			t.Fatalf("the commits are %+v", commits)
		}
		var runs []*updaterv1.Run
		for i, name := range []string{"a", "b", "c"} {
			mine := m.Pushed(t, name)
			if len(mine) != 1 || mine[0].GetCommit() != commits[i+1].ID || mine[0].GetBase() != commits[i].ID || commits[i+1].Message != "update "+name {
				t.Fatalf("%s: the commit is %+v, the runs %v", name, commits[i+1], mine)
			}
			if change := m.OneChange(t, "gitops.git", commits[i+1].ID); change.Path != name+"/app.yaml" {
				t.Errorf("%s has changed %s", name, change.Path)
			}
			runs = append(runs, mine[0])
		}
		oneSpan(t, m, runs)
		verified(t, m, commits[1:])
	})
}

// verified makes sure that git takes the signatures for good, and those of somebody else for bad.
func verified(t *testing.T, m *trio, commits []gitserver.Commit) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("git verify-commit needs ssh-keygen, which is not installed")
	}
	_, other := sshKey(t)
	clone := m.Clone(t, "gitops.git", "auditor")
	for _, c := range commits {
		for public, want := range map[string]bool{m.signer: true, other: false} {
			allowed := filepath.Join(t.TempDir(), "allowed_signers")
			write(t, filepath.Dir(allowed), filepath.Base(allowed), "tidemark@example.com "+public)
			said, err := clone.TryGit(t.Context(), "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", c.ID)
			if good := err == nil && strings.Contains(said, `Good "git" signature for tidemark@example.com`); good != want {
				t.Errorf("%s: verified %t, want %t: %s%v", c.Message, good, want, said, err)
			}
		}
	}
}

// oneSpan makes sure that each run belongs to the trace of its own image's scan, and that the push, which has one parent as
// all spans, is linked to the runs that share it.
func oneSpan(t *testing.T, m *trio, runs []*updaterv1.Run) {
	t.Helper()
	harness.Await(t, "the spans of the push and of what led to it", func(context.Context) error {
		spans := m.spans.All()
		under := map[string]harness.Span{} // the runs, by trace
		for _, span := range spans {
			for _, run := range runs {
				if span.Name == "run" && span.Trace == run.GetTraceId() {
					under[span.Trace] = span
				}
			}
		}
		if len(under) != len(runs) {
			return fmt.Errorf("%d runs of %d, each in a trace of its own", len(under), len(runs))
		}
		var pushes []harness.Span
		for _, span := range spans {
			if span.Name == "push" {
				pushes = append(pushes, span)
			}
		}
		if len(pushes) != 1 {
			return fmt.Errorf("%d pushes", len(pushes))
		}
		push := pushes[0]
		if push.Parent != under[push.Trace].ID {
			return fmt.Errorf("the push is below %s, which is none of the runs", push.Parent)
		}
		for trace, run := range under {
			if !has(spans, trace, "scan") || !has(spans, trace, "commit") {
				return fmt.Errorf("trace %s has no scan or no commit", trace)
			}
			if trace != push.Trace && !push.LinksTo(run) {
				return fmt.Errorf("the push is not linked to the run of trace %s: %v", trace, push.Links)
			}
		}
		return nil
	})
}
