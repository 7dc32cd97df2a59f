// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/operator"
)

// managed is an image repository of team web that came by a way.
func managed(namespace, name, by string) *scannerv1.ImageRepository {
	meta := metadata(namespace, name, map[string]string{"team": "web"})
	meta.ManagedBy = by
	return &scannerv1.ImageRepository{Metadata: meta, Spec: &scannerv1.ImageRepositorySpec{Image: "ghcr.io/x/" + name}}
}

// teams are services with objects that came by each way.
func teams() *services {
	s := newServices()
	s.repositories = newShelf([]*scannerv1.ImageRepository{
		managed("flux-system", "gone", "apply:alice@laptop"),
		managed("tenants", "gone", "apply:bob@desk"),
		managed("flux-system", "made", "create:alice@laptop"),
		managed("flux-system", "followed", "manifests:/etc/tidemark"),
		{Metadata: metadata("flux-system", "others", nil), Spec: &scannerv1.ImageRepositorySpec{Image: "ghcr.io/x/others"}},
	})
	policy := metadata("flux-system", "gone", map[string]string{"team": "web"})
	policy.ManagedBy = "apply:alice@laptop"
	s.policies = newShelf([]*resolverv1.ImagePolicy{{Metadata: policy}})
	return s
}

const webRepository = `apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app, labels: {team: web}}
spec: {image: ghcr.io/x/app, interval: 5m}
`

const stays = "⚠ imagerepository/flux-system/followed has the labels and stays: it is managed by manifests:/etc/tidemark, not by apply\n" +
	"⚠ imagerepository/flux-system/made has the labels and stays: it is managed by create:alice@laptop, not by apply\n"

func TestPruneDeletesWhatWasAppliedAndIsGivenNoMore(t *testing.T) {
	s := teams()
	address := s.serve(t)
	prune := []string{"apply", "-f", "-", "--prune", "-l", "team=web"}
	tidemarkWith(t, address, webRepository, append(prune, "--dry-run")...).wants(t, terminal{
		out: "imagerepository/flux-system/app created (dry run)\nimagepolicy/flux-system/gone pruned (dry run)\n" +
			"imagerepository/tenants/gone pruned (dry run)\nimagerepository/flux-system/gone pruned (dry run)\n",
		err: stays,
	})
	if len(s.repositories.objects) != 5 {
		t.Errorf("a dry run has changed something: %v", s.repositories.objects)
	}
	tidemarkWith(t, address, webRepository, append(prune, "--yes", "-n", "flux-system")...).wants(t, terminal{
		out: "imagerepository/flux-system/app created\nimagepolicy/flux-system/gone pruned\nimagerepository/flux-system/gone pruned\n",
		err: stays,
	})
	tidemarkWith(t, address, webRepository, append(prune, "--silent")...).wants(t, terminal{
		out: "imagerepository/flux-system/app unchanged\nimagerepository/tenants/gone pruned\n",
		err: stays,
	})
	left := slices.Sorted(maps.Keys(s.repositories.objects))
	if want := "flux-system/app flux-system/followed flux-system/made flux-system/others"; strings.Join(left, " ") != want {
		t.Errorf("left are %s, want %s", left, want)
	}
	if by := s.repositories.objects["flux-system/app"].GetMetadata().GetManagedBy(); by != "apply:"+operator.Name() {
		t.Errorf("the object is managed by %q", by)
	}
}

func TestNothingIsPrunedWhereSomethingFailed(t *testing.T) {
	s := teams()
	s.repositories.refuse = func(*scannerv1.ImageRepository) error {
		return rpcerr.Field("image_repository.spec.image", "no such image")
	}
	address := s.serve(t)
	got := tidemarkWith(t, address, webRepository, "apply", "-f", "-", "--prune", "-l", "team=web", "--yes")
	got.wants(t, terminal{
		err: "✗ stdin:4:15: spec.image: no such image\n  in ImageRepository flux-system/app\n" +
			"    4 | spec: {image: ghcr.io/x/app, interval: 5m}\n      |               ^\n" +
			"⚠ nothing is pruned, as not everything was applied\n",
		code: 1,
	})
	absent := filepath.Join(t.TempDir(), "absent.yaml")
	got = tidemark(t, address, "apply", "-f", absent, "--prune", "-l", "team=web", "--yes")
	if got.code != 1 || got.out != "" || !strings.Contains(got.err, "nothing is pruned") {
		t.Errorf("%+v", got)
	}
	if len(s.repositories.objects) != 5 {
		t.Errorf("something was deleted: %v", s.repositories.objects)
	}
}

func TestApplyAndCreateSayThatAFolderWins(t *testing.T) {
	s := teams()
	s.repositories.reconcile = func(o *scannerv1.ImageRepository) {
		o.Status = &scannerv1.ImageRepositoryStatus{Conditions: isReady(""), LastScanResult: &scannerv1.ScanResult{TagCount: 2}}
	}
	address := s.serve(t)
	const undone = "is managed by manifests:/etc/tidemark, which will undo what differs from it"
	tidemarkWith(t, address, strings.Replace(webRepository, "app,", "followed,", 1), "apply", "-f", "-", "--dry-run").wants(t, terminal{
		out: "imagerepository/flux-system/followed configured (dry run)\n",
		err: "⚠ imagerepository/flux-system/followed " + undone + ": change it there\n",
	})
	got := tidemark(t, address, "create", "image", "repository", "followed", "--image", "ghcr.io/x/app")
	if got.code != 0 || !strings.Contains(got.err, "⚠ followed "+undone+"\n") {
		t.Errorf("%+v", got)
	}
	if by := s.repositories.objects["flux-system/followed"].GetMetadata().GetManagedBy(); by != "create:"+operator.Name() {
		t.Errorf("the object is managed by %q", by)
	}
}

func TestAnObjectThatIsGivenTwiceIsAMistake(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), webRepository)
	write(t, filepath.Join(dir, "b.yaml"), strings.Replace(webRepository, "5m", "6m", 1))
	got := tidemark(t, newServices().serve(t), "apply", "-f", filepath.Join(dir, "a.yaml"), "-f", filepath.Join(dir, "b.yaml"))
	got.err = strings.ReplaceAll(got.err, dir+"/", "")
	got.wants(t, terminal{
		out: "imagerepository/flux-system/app created\n",
		err: "✗ b.yaml:3:18: metadata.name: this object is given twice; the first, a.yaml:1, counts\n  in ImageRepository flux-system/app\n" +
			"    3 | metadata: {name: app, labels: {team: web}}\n      |                  ^\n",
		code: 1,
	})
}
