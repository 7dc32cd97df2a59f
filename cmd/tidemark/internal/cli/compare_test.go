// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"strings"
	"testing"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

func TestDiffShowsWhatApplyWouldChange(t *testing.T) {
	s := teams()
	address := s.serve(t)
	tidemarkWith(t, address, threeObjects, "apply", "-f", "-").wants(t, terminal{
		out: "imagerepository/flux-system/app created\nimagepolicy/apps/app created\ngitrepository/flux-system/infra created\n",
		err: "⚠ skipped what is of other kinds (documents: 1)\n",
	})
	tidemarkWith(t, address, threeObjects, "diff", "-f", "-").wants(t, terminal{})
	changed := strings.NewReplacer("  interval: 5m\n", "  insecure: true\n  interval: 6m\n", "name: infra", "name: other").Replace(threeObjects)
	got := tidemarkWith(t, address, changed+"---\n"+strings.Replace(webRepository, "app,", "followed,", 1), "diff", "-f", "-", "--prune", "-l", "team=web")
	if got.code != 1 {
		t.Errorf("exit code %d", got.code)
	}
	golden(t, "diff/changes.txt", got.err+got.out)
	if _, stored := s.sources.objects["flux-system/other"]; stored || len(s.repositories.objects) != 6 {
		t.Error("diff has changed what is stored")
	}
}

func TestDiffTellsApartWhatItCannotTell(t *testing.T) {
	s := newServices()
	address := s.serve(t)
	s.repositories.refuse = func(*scannerv1.ImageRepository) error {
		return rpcerr.Field("image_repository.spec.image", "no such image")
	}
	got := tidemarkWith(t, address, threeObjects, "diff", "-f", "-")
	if got.code != 2 || !strings.Contains(got.err, "✗ stdin:6:10: spec.image: no such image\n") || !strings.Contains(got.out, "+++ b/imagepolicy/apps/app.yaml\n") {
		t.Errorf("%+v", got)
	}
	for want, args := range map[string][]string{
		"✗ unknown flag: --prun; did you mean --prune?\n":              {"--prun"},
		"✗ one file to each -f: write -f b.yaml, or name the folder\n": {"-f", "a.yaml", "b.yaml"},
		"✗ nothing to compare: name a file, a folder or - with -f\n":   nil,
		"✗ nothing to compare: no manifest in what -f names\n":         {"-f", "-"},
		"✗ -l is for --prune, which is not given\n":                    {"-f", "-", "-l", "a=b"},
	} {
		tidemark(t, address, append([]string{"diff"}, args...)...).wants(t, terminal{err: want, code: 2})
	}
	away := unused(t)
	tidemarkWith(t, away, threeObjects, "diff", "-f", "-").wants(t, terminal{
		err: "✗ no server answers on " + away + "; start one with `tidemark up`, or name it with --server\n", code: 2,
	})
}
