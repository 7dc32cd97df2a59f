// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/tests/harness"
)

// healthy is a pipeline that nothing is wrong with; it stands beside everything that is.
type healthy struct {
	w    *harness.World
	next int
}

func newHealthy(t *testing.T, w *harness.World) *healthy {
	t.Helper()
	w.Push(t, "healthy", "1.0.0")
	url := w.CreateGit(t, "healthy.git", map[string]string{"app.yaml": harness.Deployed(w.Image("healthy"), "0.9.0", "healthy")})
	w.Apply(t, w.RepositoryManifest("healthy", "healthy", "1m"), harness.PolicyManifest("healthy", "healthy", "1.x"),
		harness.SourceManifest("healthy", url), harness.UpdateManifest("healthy", "healthy", "1m", ""))
	w.AwaitFile(t, "healthy.git", "app.yaml", ":1.0.0 ")
	return &healthy{w: w}
}

// commits makes sure that the pipeline still works.
func (h *healthy) commits(t *testing.T) {
	t.Helper()
	h.next++
	tag := fmt.Sprintf("1.%d.0", h.next)
	h.w.Push(t, "healthy", tag)
	h.w.Do(t, "reconcile", "image", "repository", "healthy")
	h.w.AwaitFile(t, "healthy.git", "app.yaml", ":"+tag+" ")
}

// shown makes sure that `tidemark get` shows an object in one row with READY and words of the message.
func shown(t *testing.T, w *harness.World, o harness.Object, ready string, words ...string) {
	t.Helper()
	verb := []string{"get", "image", o.Kind, o.Name, "--no-header"}
	if o.Kind == "source" {
		verb = []string{"get", "source", "git", o.Name, "--no-header"}
	}
	row := w.Do(t, verb...)
	if !strings.HasPrefix(row, o.Name) || strings.Count(row, "\n") != 1 || !strings.Contains(row, ready) {
		t.Errorf("get %s: want one row with READY %s:\n%s", o, ready, row)
	}
	for _, word := range words {
		if !strings.Contains(row, word) {
			t.Errorf("get %s: want %q in\n%s", o, word, row)
		}
	}
}

func TestARegistryThatCannotBeReachedIsToldUntilItCan(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		config := registry.Config{Dir: t.TempDir(), Listen: w.Suite.Ports.Address(t)}
		w.Apply(t, imageManifest("away", config.Listen+"/app", "1s", ""), harness.PolicyManifest("away", "away", "1.x"))
		w.AwaitCondition(t, harness.Repository("away"), harness.NotReady("ReadOperationFailed", "scan failed: ", config.Listen))
		w.AwaitCondition(t, harness.Policy("away"), harness.NotReady("DependencyNotReady", "away"))
		shown(t, w, harness.Repository("away"), "False", "scan failed: ", config.Listen)
		shown(t, w, harness.Policy("away"), "False")
		beside.commits(t)

		other := harness.StartRegistry(t, config)
		push(t, other, "app", "1.0.0", "1.1.0")
		w.AwaitCondition(t, harness.Repository("away"), harness.Ready("found 2 tags"))
		w.AwaitCondition(t, harness.Policy("away"), harness.Ready("resolved to 1.1.0"))

		// Away again: what was known stays.
		closeRegistry(t, other)
		w.AwaitCondition(t, harness.Repository("away"), harness.NotReady("ReadOperationFailed", "scan failed: "))
		if ref := latestRef(t, w, "away"); ref.GetTag() != "1.1.0" {
			t.Errorf("the last answer is %v", ref)
		}
		if result := repository(t, w, "away").GetStatus().GetLastScanResult(); result.GetTagCount() != 2 {
			t.Errorf("the last scan's result is %v", result)
		}
		w.AwaitCondition(t, harness.Policy("away"), harness.Ready("resolved to 1.1.0"))
		beside.commits(t)
	})
}

func TestARegistryThatFailsHalfwayIsNoAnswer(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		var failing atomic.Bool
		w := suite.NewWorld(t, kind, harness.Options{Registry: registry.Config{Wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if failing.Load() && strings.Contains(r.URL.Path, "flaky/tags/list") {
					http.Error(rw, "out of order", http.StatusInternalServerError)
					return
				}
				next.ServeHTTP(rw, r)
			})
		}}})
		beside := newHealthy(t, w)
		w.Push(t, "flaky", "1.0.0")
		w.Apply(t, w.RepositoryManifest("flaky", "flaky", "1s"), harness.PolicyManifest("flaky", "flaky", "1.x"))
		w.AwaitCondition(t, harness.Policy("flaky"), harness.Ready("resolved to 1.0.0"))
		failing.Store(true)
		w.AwaitCondition(t, harness.Repository("flaky"), harness.NotReady("ReadOperationFailed", "scan failed: "))
		w.Push(t, "flaky", "1.1.0")
		beside.commits(t)
		w.AwaitCondition(t, harness.Policy("flaky"), harness.Ready("resolved to 1.0.0"))
		failing.Store(false)
		w.AwaitCondition(t, harness.Policy("flaky"), harness.Ready("resolved to 1.1.0"))
	})
}

func TestARefusingRegistryIsToldUntilTheSecretIsRight(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		private := harness.StartRegistry(t, registry.Config{Username: "robot", Password: "right"})
		push(t, private, "app", "1.0.0")
		w.Apply(t, imageManifest("anonymous", private.Host()+"/app", "1s", ""),
			imageManifest("named", private.Host()+"/app", "1s", "  secretRef: {name: regcred}\n"))
		w.AwaitCondition(t, harness.Repository("anonymous"), harness.NotReady("AuthenticationFailed"))
		w.AwaitCondition(t, harness.Repository("named"), harness.NotReady("AuthenticationFailed", "regcred"))
		dockerConfig(t, w, "regcred", private.Host(), "robot", "wrong")
		w.AwaitCondition(t, harness.Repository("named"), harness.NotReady("AuthenticationFailed", private.Host()))
		shown(t, w, harness.Repository("anonymous"), "False", "secretRef")
		beside.commits(t)
		dockerConfig(t, w, "regcred", private.Host(), "robot", "right")
		w.AwaitCondition(t, harness.Repository("named"), harness.Ready("found 1 tags"))
	})
}

func TestWrongImagesAreTold(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		w.Apply(t, w.RepositoryManifest("absent", "absent", "1s"),
			w.RepositoryManifest("tagged", "healthy:1.0.0", "1m"), imageManifest("schemed", "https://"+w.Image("healthy"), "1m", ""))
		w.AwaitCondition(t, harness.Repository("absent"), harness.NotReady("ReadOperationFailed", "scan failed: "))
		shown(t, w, harness.Repository("absent"), "False", w.Registry.Host(), "absent")

		tagged := "image '" + w.Image("healthy:1.0.0") + "' should not include a tag; remove ':1.0.0'"
		schemed := "image 'https://" + w.Image("healthy") + "' should not include URL scheme; remove 'https://'"
		for name, message := range map[string]string{"tagged": tagged, "schemed": schemed} {
			w.AwaitCondition(t, harness.Repository(name), harness.NotReady("ImageURLInvalid", message))
			w.AwaitCondition(t, harness.Repository(name), harness.Want{Type: "Stalled", Status: "True", Reason: "ImageURLInvalid"})
			shown(t, w, harness.Repository(name), "False", message)
		}
		beside.commits(t)

		w.Push(t, "absent", "1.0.0")
		w.AwaitCondition(t, harness.Repository("absent"), harness.Ready("found 1 tags"))
		w.Apply(t, w.RepositoryManifest("tagged", "healthy", "1m"))
		w.AwaitCondition(t, harness.Repository("tagged"), harness.Ready("successful scan"))
	})
}

func TestInvalidPoliciesAreRefusedWithTheirField(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		for name, c := range map[string]struct{ spec, field string }{
			"range":   {`"policy": {"semver": {"range": "one"}}`, "spec.policy.semver.range"},
			"pattern": {`"filterTags": {"pattern": "(", "extract": "$1"}, "policy": {"semver": {"range": "1.x"}}`, "spec.filterTags.pattern"},
		} {
			request := `{"imagePolicy": {"metadata": {"name": "bad"}, "spec": {"imageRepositoryRef": {"name": "app"}, ` + c.spec + `}}}`
			result := w.Grpcurl(t, harness.Resolver, []string{"-d", request}, "tidemark.resolver.v1.ImagePolicyService/ApplyImagePolicy")
			if result.Code == 0 {
				t.Errorf("%s: it was taken:\n%s", name, result.Out)
			}
			for _, want := range []string{"InvalidArgument", c.field, "INVALID_FIELD"} {
				if !strings.Contains(strings.ReplaceAll(result.Err, "_", ""), strings.ReplaceAll(want, "_", "")) {
					t.Errorf("%s: want %q in\n%s", name, want, result.Err)
				}
			}
		}
		if err := gone(t.Context(), w, harness.Policy("bad")); err != nil {
			t.Error(err)
		}
	})
}

func TestAGitRemoteThatRefusesIsTold(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		url := w.CreateGit(t, "guarded.git", map[string]string{"app.yaml": harness.Deployed(w.Image("healthy"), "0.9.0", "healthy")})
		hook(t, w, "guarded.git", "echo 'branch main is frozen until Monday' >&2; exit 1")
		w.Apply(t, harness.SourceManifest("guarded", url), harness.UpdateManifest("guarded", "guarded", "1s", ""))
		w.AwaitCondition(t, harness.Update("guarded"), harness.NotReady("GitOperationFailed", "frozen until Monday"))
		shown(t, w, harness.Update("guarded"), "False", "frozen until Monday")
		beside.commits(t)
		if n := len(w.Commits(t, "guarded.git")); n != 1 {
			t.Errorf("there are %d commits, want 1", n)
		}
		hook(t, w, "guarded.git", "")
		w.AwaitFile(t, "guarded.git", "app.yaml", ":1.1.0 ")
		w.AwaitCondition(t, harness.Update("guarded"), harness.Want{Status: "True"})
		if n := len(w.Commits(t, "guarded.git")); n != 2 {
			t.Errorf("there are %d commits, want 2", n)
		}
	})
}

func TestAGitServerThatIsDownIsToldUntilItIsBack(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		config := gitserver.Config{Dir: t.TempDir(), Listen: w.Suite.Ports.Address(t)}
		first := harness.StartGit(t, config)
		if err := first.CreateRepository("app.git", "main", map[string]string{
			"app.yaml": harness.Deployed(w.Image("healthy"), "0.9.0", "healthy"),
		}); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		w.Apply(t, harness.SourceManifest("down", first.RepositoryURL("app.git")), harness.UpdateManifest("down", "down", "1s", ""))
		w.AwaitCondition(t, harness.Source("down"), harness.NotReady("GitOperationFailed", config.Listen))
		w.AwaitCondition(t, harness.Update("down"), harness.NotReady("GitOperationFailed", config.Listen))
		shown(t, w, harness.Source("down"), "False", config.Listen)
		shown(t, w, harness.Update("down"), "False", config.Listen)
		beside.commits(t)

		second := harness.StartGit(t, config)
		w.AwaitCondition(t, harness.Update("down"), harness.Want{Status: "True"})
		if content, err := second.ReadFile("app.git", "main", "app.yaml"); err != nil || !strings.Contains(content, ":1.1.0 ") {
			t.Errorf("the file is %q, %v", content, err)
		}
	})
}

func TestABranchThatDoesNotExistIsTold(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		files := map[string]string{"app.yaml": harness.Deployed(w.Image("healthy"), "0.9.0", "healthy")}
		if err := w.Git.CreateRepository("trunk.git", "trunk", files); err != nil {
			t.Fatal(err)
		}
		w.Apply(t, harness.SourceManifest("trunk", w.Git.RepositoryURL("trunk.git")), harness.UpdateManifest("trunk", "trunk", "1s", ""))
		w.AwaitCondition(t, harness.Update("trunk"), harness.NotReady("GitOperationFailed", "main"))
		w.AwaitCondition(t, harness.Source("trunk"), harness.NotReady("GitOperationFailed", "main"))
		shown(t, w, harness.Update("trunk"), "False", "main")
		beside.commits(t)
		if _, err := w.Git.Commit("trunk.git", "main", files, "begin"); err != nil {
			t.Fatal(err)
		}
		w.AwaitFile(t, "trunk.git", "app.yaml", ":1.1.0 ")
	})
}

func TestAMarkerForNoPolicyIsToldAndLeftAlone(t *testing.T) {
	each(t, func(s scenario) {
		t, kind := s.t, s.kind
		w := suite.NewWorld(t, kind, harness.Options{})
		beside := newHealthy(t, w)
		lost := harness.Deployed(w.Image("lost"), "1.0.0", "nobody")
		url := w.CreateGit(t, "lost.git", map[string]string{
			"app.yaml": harness.Deployed(w.Image("healthy"), "0.9.0", "healthy"), "lost.yaml": lost,
		})
		w.Apply(t, harness.SourceManifest("lost", url), harness.UpdateManifest("lost", "lost", "1s", ""))
		w.AwaitFile(t, "lost.git", "app.yaml", ":1.0.0 ")
		if got := w.File(t, "lost.git", "lost.yaml"); got != lost {
			t.Errorf("the file with the lost marker is\n%s", got)
		}
		w.AwaitCondition(t, harness.Update("lost"), harness.Want{Status: "True"})
		warnings := strings.Join(automation(t, w, "lost").GetStatus().GetWarnings(), "\n")
		for _, want := range []string{"lost.yaml", "ImagePolicy 'flux-system/nobody'"} {
			if !strings.Contains(warnings, want) {
				t.Errorf("want %q in the warnings:\n%s", want, warnings)
			}
		}
		shown(t, w, harness.Update("lost"), "True")
		beside.commits(t)
	})
}

func imageManifest(name, image, interval, more string) string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: %s}
spec:
  image: %s
  interval: %s
%s`, name, image, interval, more)
}

func push(t *testing.T, r *registry.Registry, repository string, tags ...string) {
	t.Helper()
	if err := r.Push(t.Context(), repository, tags...); err != nil {
		t.Fatal(err)
	}
}

func closeRegistry(t *testing.T, r *registry.Registry) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func hook(t *testing.T, w *harness.World, repository, script string) {
	t.Helper()
	if err := w.Git.SetHook(repository, "pre-receive", script); err != nil {
		t.Fatal(err)
	}
}

// dockerConfig writes a registry's credential where the programs look for secrets.
func dockerConfig(t *testing.T, w *harness.World, name, host, user, password string) {
	t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	write(t, w.SecretsDir, "flux-system/"+name+"/.dockerconfigjson", fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, auth))
}
