// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

// folder is a folder of manifests, and its manager.
func folder(t *testing.T, files map[string]string) (dir, manager string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "manifests")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		put(t, dir, name, text)
	}
	return dir, "manifests:" + dir
}

func TestAFolderOwnsWhatIsInIt(t *testing.T) {
	dir, manager := folder(t, map[string]string{"a.yaml": policy("a", "1.x"), "b.yaml": policy("b", "1.x"), "deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"})
	w := newWorld(t)
	w.start(dir)
	w.awaitPolicy("a", "1.x", manager)
	w.awaitPolicy("b", "1.x", manager)
	w.awaitLine(0, "manifests read", "objects=2", "errors=0", "other_kinds=1")

	// What is changed or deleted by hand is undone, and said once.
	w.byHand("a", "2.x")
	w.awaitPolicy("a", "1.x", manager)
	w.awaitLine(0, "a change by hand is undone", "ImagePolicy/flux-system/a", "apply:alice@laptop")
	if err := kinds.ImagePolicy().Delete(t.Context(), w.conn(), "flux-system", "b"); err != nil {
		t.Fatal(err)
	}
	w.awaitPolicy("b", "1.x", manager)
	w.awaitLine(0, "deleted by hand is back", "ImagePolicy/flux-system/b")

	// What the same was applied by hand of stays the folder's.
	w.byHand("a", "1.x")
	w.settled(func(name, text string) { put(t, dir, name, text) })
	if n := w.log.count("a change by hand is undone"); n != 1 {
		t.Errorf("said %d times", n)
	}
	take(t, dir, "a.yaml")
	w.awaitGone("a")
}

func TestAFolderTakesOverWhatWasAppliedByHandAndLeavesTheRest(t *testing.T) {
	dir, manager := folder(t, nil)
	w := newWorld(t)
	w.start(dir)
	w.byHand("same", "1.x")
	w.byHand("other", "1.x")
	w.byHand("mine", "1.x")
	before, err := w.policy("same")
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "all.yaml", policy("same", "1.x")+policy("other", "2.x"))
	w.awaitPolicy("same", "1.x", manager)
	w.awaitPolicy("other", "2.x", manager)
	for _, name := range []string{"same", "other"} {
		w.awaitLine(0, "the object is the manifests' from now on", "ImagePolicy/flux-system/"+name, "apply:alice@laptop")
	}
	after, err := w.policy("same")
	if err != nil || after.GetMetadata().GetUid() != before.GetMetadata().GetUid() || after.GetMetadata().GetGeneration() != 1 {
		t.Errorf("taken over with nothing changed: %v, %v", after.GetMetadata(), err)
	}
	put(t, dir, "all.yaml", policy("other", "2.x"))
	w.awaitGone("same")
	w.awaitPolicy("mine", "1.x", "apply:alice@laptop")
}

func TestAnOperatorsWordSurvivesItsManifest(t *testing.T) {
	images, err := registry.Start(registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = images.Close() })
	if err := images.Push(t.Context(), "app", "1.0.0", "1.1.0", "2.0.0"); err != nil {
		t.Fatal(err)
	}
	dir, _ := folder(t, map[string]string{
		"a.yaml": policy("a", "1.x"), "b.yaml": policy("b", "1.x"),
		"app.yaml": "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: app}\nspec: {image: " + images.Host() + "/app, interval: 1h}\n",
	})
	w := newWorld(t)
	w.start(dir)
	w.await("the answer", func() error {
		if p, err := w.policy("b"); err != nil || p.GetStatus().GetLatestRef().GetTag() != "1.1.0" {
			return fmt.Errorf("%v, %w", p.GetStatus(), err)
		}
		return nil
	})
	w.awaitPolicy("a", "1.x", "")
	w.awaitPolicy("b", "1.x", "")
	word := kinds.Word{Namespace: "flux-system", Name: "a", Actor: "bob", Reason: "a bad release"}
	if _, err := kinds.ImagePolicy().Suspend(t.Context(), w.conn(), word); err != nil {
		t.Fatal(err)
	}
	if _, err := resolverv1.NewImagePolicyServiceClient(w.conn()).HoldImagePolicy(t.Context(), &resolverv1.HoldImagePolicyRequest{
		Name: "b", Target: &resolverv1.HoldImagePolicyRequest_Tag{Tag: "1.0.0"}, Reason: "a bad release", Actor: "bob",
	}); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		a, err := w.policy("a")
		if err != nil || a.GetOverride().GetSuspension().GetActor() != "bob" {
			t.Errorf("%s: the suspension is %v, %v", when, a.GetOverride(), err)
		}
		b, err := w.policy("b")
		if err != nil || b.GetOverride().GetHold().GetTag() != "1.0.0" {
			t.Errorf("%s: the hold is %v, %v", when, b.GetOverride(), err)
		}
	}
	put(t, dir, "a.yaml", policy("a", "2.x"))
	put(t, dir, "b.yaml", policy("b", "2.x"))
	w.awaitPolicy("a", "2.x", "")
	w.awaitPolicy("b", "2.x", "")
	check("after the manifests changed")
	w.byHand("a", "3.x")
	w.awaitPolicy("a", "2.x", "")
	check("after a change by hand was undone")
	w.stop()
	w.start(dir)
	w.settled(func(name, text string) { put(t, dir, name, text) })
	check("after a restart")
}

func TestWhatVanishedWhileNobodyLookedIsDeleted(t *testing.T) {
	dir, _ := folder(t, map[string]string{"a.yaml": policy("a", "1.x"), "b.yaml": policy("b", "1.x", "namespace: one")})
	w := newWorld(t)
	w.start(dir)
	w.awaitPolicy("a", "1.x", "")
	w.awaitPolicy("one/b", "1.x", "")
	w.stop()
	take(t, dir, "a.yaml")
	put(t, dir, "b.yaml", policy("b", "1.x", "namespace: two"))
	w.start(dir)
	w.awaitPolicy("two/b", "1.x", "")
	w.awaitGone("a")
	w.awaitGone("one/b")
}

func TestNothingIsDeletedByMistake(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"a file breaks": func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "a.yaml", "kind: [\n")
		},
		"a field is unknown": func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "a.yaml", policy("a", "1.x")+"  colour: red\n")
		},
		"a service refuses": func(t *testing.T, dir string) {
			t.Helper()
			put(t, dir, "a.yaml", policy("a", "one"))
		},
		"a link leads out": func(t *testing.T, dir string) {
			t.Helper()
			put(t, filepath.Dir(dir), "outside.yaml", policy("a", "7.x"))
			take(t, dir, "a.yaml")
			if err := os.Symlink("../outside.yaml", filepath.Join(dir, "a.yaml")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, manager := folder(t, map[string]string{"a.yaml": policy("a", "1.x"), "b.yaml": policy("b", "1.x")})
			w := newWorld(t)
			w.start(dir)
			w.awaitPolicy("a", "1.x", manager)
			harm(t, dir)
			w.awaitLine(0, "a manifest is not taken", "a.yaml")
			w.settled(func(name, text string) { put(t, dir, name, text) })
			w.awaitPolicy("a", "1.x", manager)
			w.stop()
			w.start(dir)
			w.settled(func(name, text string) { put(t, dir, name, text) })
			w.awaitPolicy("a", "1.x", manager)
		})
	}
}

func TestAnEmptyFolderDeletesNothingUnlessThatIsMeant(t *testing.T) {
	dir, manager := folder(t, map[string]string{"a.yaml": policy("a", "1.x"), "secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n"})
	w := newWorld(t)
	w.start(dir)
	w.awaitPolicy("a", "1.x", manager)
	take(t, dir, "a.yaml")
	w.awaitLine(0, "what they brought stays", "--manifests-allow-empty", "objects=1")
	take(t, dir, "secret.yaml")
	w.awaitLine(1, "what they brought stays", "--manifests-allow-empty", "objects=1")
	w.awaitPolicy("a", "1.x", manager)
	w.stop()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.start(dir)
	w.awaitLine(2, "what they brought stays")
	w.awaitPolicy("a", "1.x", manager)
	w.stop()
	w.start(dir, func(o *up.Options) { o.Following.AllowEmpty = true })
	w.awaitGone("a")
}

func TestAFolderThatIsAway(t *testing.T) {
	dir, manager := folder(t, map[string]string{"a.yaml": policy("a", "1.x")})
	w := newWorld(t)
	w.start(dir)
	w.awaitPolicy("a", "1.x", manager)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	w.awaitLine(0, "the manifests are not followed")
	// Somebody at work by hand meanwhile is left in peace.
	w.byHand("a", "2.x")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "b.yaml", policy("b", "1.x"))
	w.awaitPolicy("b", "1.x", manager)
	w.awaitPolicy("a", "2.x", "apply:alice@laptop")
	w.awaitLine(0, "the manifests are followed again")
}

func TestObjectsThatSayThatTheyStay(t *testing.T) {
	dir, manager := folder(t, map[string]string{
		"a.yaml": policy("a", "1.x", `annotations: {tidemark.io/prune: disabled}`),
		"b.yaml": policy("b", "1.x", `annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}`),
		"c.yaml": policy("c", "1.x", `labels: {kustomize.toolkit.fluxcd.io/prune: Disabled}`),
		"d.yaml": policy("d", "1.x", `annotations: {tidemark.io/prune: enabled}`), "e.yaml": policy("e", "1.x"),
	})
	w := newWorld(t)
	w.start(dir)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		w.awaitPolicy(name, "1.x", manager)
	}
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml", "d.yaml"} {
		take(t, dir, name)
	}
	w.awaitGone("d")
	w.settled(func(name, text string) { put(t, dir, name, text) })
	for _, name := range []string{"a", "b", "c"} {
		w.awaitPolicy(name, "1.x", manager)
		w.awaitLine(0, "it stays as it says so itself", "ImagePolicy/flux-system/"+name)
	}
}

func TestTwoSourcesNeverRewriteOneAnother(t *testing.T) {
	first, manager := folder(t, map[string]string{"a.yaml": policy("a", "1.x")})
	second, other := folder(t, map[string]string{"a.yaml": policy("a", "2.x"), "b.yaml": policy("b", "2.x")})
	w := newWorld(t)
	w.start(first)
	w.awaitPolicy("a", "1.x", manager)
	w.stop()
	w.start(second)
	w.awaitLine(0, "left to the other source of manifests", "theirs="+manager, "ours="+other)
	w.awaitPolicy("b", "2.x", other)
	w.settled(func(name, text string) { put(t, second, name, text) })
	w.awaitPolicy("a", "1.x", manager)
	w.stop()

	// The one has moved: it says where it was.
	w.start(second, func(o *up.Options) { o.Following.Formerly = []string{first} })
	w.awaitPolicy("a", "2.x", other)
	w.stop()
	w.start(first)
	w.awaitLine(0, "left to the other source of manifests", "theirs="+other, "ours="+manager)
}

func TestWhatAFormerFolderBroughtIsDeletedToo(t *testing.T) {
	first, manager := folder(t, map[string]string{"a.yaml": policy("a", "1.x"), "b.yaml": policy("b", "1.x")})
	second, other := folder(t, map[string]string{"b.yaml": policy("b", "1.x")})
	w := newWorld(t)
	w.start(first)
	w.awaitPolicy("a", "1.x", manager)
	w.awaitPolicy("b", "1.x", manager)
	w.stop()
	w.start(second, func(o *up.Options) { o.Following.Formerly = []string{first} })
	w.awaitPolicy("b", "1.x", other)
	w.awaitGone("a")
}

// dying is a connection whose process is killed after some calls that write.
type dying struct {
	grpc.ClientConnInterface
	left atomic.Int64
}

var errKilled = errors.New("killed")

func (d *dying) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if !strings.Contains(method, "/List") && !strings.Contains(method, "/Get") && d.left.Add(-1) < 0 {
		return errKilled
	}
	return d.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

func TestAnApplyThatIsCutOffIsFinishedByTheNext(t *testing.T) {
	before := policy("old0", "1.x") + policy("old1", "1.x") + policy("kept", "1.x")
	after := policy("kept", "2.x") + policy("new0", "1.x") + policy("new1", "1.x")
	codec, err := kinds.Codec()
	if err != nil {
		t.Fatal(err)
	}
	was, is := codec.Decode("all.yaml", []byte(before), manifest.Options{}), codec.Decode("all.yaml", []byte(after), manifest.Options{})
	w := newWorld(t)
	w.start("")
	for calls := range int64(6) {
		makeSo(w, w.conn(), was)
		broken := &dying{ClientConnInterface: w.conn()}
		broken.left.Store(calls)
		if makeSoErr(w, broken, is) == nil && calls < 5 {
			t.Errorf("%d calls were enough", calls)
		}
		makeSo(w, w.conn(), is)
		for name, semver := range map[string]string{"kept": "2.x", "new0": "1.x", "new1": "1.x"} {
			w.awaitPolicy(name, semver, "manifests:/x")
		}
		w.awaitGone("old0")
		w.awaitGone("old1")
	}
}

func makeSo(w *world, conn grpc.ClientConnInterface, set *manifest.Set) {
	w.Helper()
	if err := makeSoErr(w, conn, set); err != nil {
		w.Fatal(err)
	}
}

// makeSoErr applies and deletes as a follower does.
func makeSoErr(w *world, conn grpc.ClientConnInterface, set *manifest.Set) error {
	w.Helper()
	applier := &up.Applier{Conn: conn, Manager: "manifests:/x"}
	stored, err := kinds.ImagePolicy().List(w.Context(), conn, kinds.Filter{})
	if err != nil {
		return err
	}
	for _, o := range set.Objects {
		var was kinds.Object
		for _, s := range stored {
			if s.GetMetadata().GetName() == o.Name {
				was = s
			}
		}
		if _, err := applier.Settle(w.Context(), kinds.ImagePolicy(), o, was); err != nil {
			return err
		}
	}
	return applier.Prune(w.Context(), kinds.ImagePolicy(), set, func(kinds.Object) {})
}

func TestAnObjectThatSomebodyTookOverIsNotDeleted(t *testing.T) {
	codec, err := kinds.Codec()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.start("")
	makeSo(w, w.conn(), codec.Decode("a.yaml", []byte(policy("a", "1.x")), manifest.Options{}))
	seen, err := kinds.ImagePolicy().Get(t.Context(), w.conn(), "flux-system", "a")
	if err != nil {
		t.Fatal(err)
	}
	w.byHand("a", "2.x")
	applier := &up.Applier{Conn: w.conn(), Manager: "manifests:/x"}
	if gone, err := applier.Delete(t.Context(), kinds.ImagePolicy(), seen); gone || err != nil {
		t.Errorf("deleted: %t, %v", gone, err)
	}
	// And a change that was not seen is not overwritten blindly.
	o := codec.Decode("a.yaml", []byte(policy("a", "3.x")), manifest.Options{}).Objects[0]
	if _, err := applier.Settle(t.Context(), kinds.ImagePolicy(), o, seen); err == nil {
		t.Error("overwritten")
	}
	if outcome, err := applier.Settle(t.Context(), kinds.ImagePolicy(), o, current(w, "a")); err != nil || outcome != metav1.ApplyOutcome_APPLY_OUTCOME_CONFIGURED {
		t.Errorf("taken over: %v, %v", outcome, err)
	}
}

func current(w *world, name string) kinds.Object {
	w.Helper()
	p, err := w.policy(name)
	if err != nil {
		w.Fatal(err)
	}
	return p
}
