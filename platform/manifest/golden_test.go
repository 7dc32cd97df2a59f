// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

func newCodec(tb testing.TB) *manifest.Codec {
	tb.Helper()
	c, err := manifest.NewCodec(&scannerv1.ImageRepository{}, &resolverv1.ImagePolicy{},
		&updaterv1.GitRepository{}, &updaterv1.ImageUpdateAutomation{}, &scannerv1.Receiver{})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestErrorsAreClear compares what is said about the files in testdata/errors. TIDEMARK_UPDATE_GOLDEN=1 writes it anew.
func TestErrorsAreClear(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	codec := newCodec(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			set := codec.Decode(filepath.Base(file), data, manifest.Options{Secrets: true})
			got := report(set)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if os.Getenv("TIDEMARK_UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func report(set *manifest.Set) string {
	var b strings.Builder
	for _, e := range set.Errors {
		fmt.Fprintln(&b, "error:", e.Detail())
	}
	for _, w := range set.Warnings {
		fmt.Fprintln(&b, "warning:", w)
	}
	for _, o := range set.Objects {
		fmt.Fprintln(&b, "object:", o)
	}
	for _, s := range set.Secrets {
		fmt.Fprintln(&b, "secret:", s)
	}
	if len(set.Skipped) > 0 {
		fmt.Fprintln(&b, "skipped:", set.Skipped)
	}
	return b.String()
}

// TestNothingOfASecretIsShown looks for the one password of the secrets in testdata/errors in all that is said of them.
func TestNothingOfASecretIsShown(t *testing.T) {
	const password = "hunter2"
	for _, name := range []string{"secret", "secret_syntax", "secret_hidden"} {
		data, err := os.ReadFile(filepath.Join("testdata", "errors", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, opts := range []manifest.Options{{Secrets: true}, {}} {
			set := newCodec(t).Decode("x.yaml", data, opts)
			if said := report(set) + fmt.Sprintf("%+v %#v", set.Secrets, set.Errors); strings.Contains(said, password) {
				t.Errorf("%s: the password is in\n%s", name, said)
			}
			for _, o := range set.Objects {
				if said := o.Violation("spec", "no").Detail(); strings.Contains(said, password) {
					t.Errorf("%s: the password is in\n%s", name, said)
				}
			}
		}
	}
}

// TestAPlaceInALongLineIsShown makes one line of JSON, as a machine writes it, with a mistake far inside.
func TestAPlaceInALongLineIsShown(t *testing.T) {
	const item = `{"apiVersion":"image.toolkit.fluxcd.io/v1","kind":"ImageRepository","metadata":{"name":"%s"},"spec":{"image":"日本","%s":"5m"}}`
	var b strings.Builder
	b.WriteString(`{"apiVersion":"v1","kind":"List","items":[`)
	for i := range 20_000 {
		fmt.Fprintf(&b, item+",", fmt.Sprintf("a%d", i), "interval")
	}
	fmt.Fprintf(&b, item+"]}\n", "last", "intervall")
	set := newCodec(t).Decode("list.json", []byte(b.String()), manifest.Options{})
	if len(set.Errors) != 1 || len(set.Objects) != 20_000 {
		t.Fatalf("%d objects, %v", len(set.Objects), set.Err())
	}
	const want = "    1 | ….toolkit.fluxcd.io/v1\",\"kind\":\"ImageRepository\",\"metadata\":{\"name\":\"last\"},\"spec\":{\"image\":\"日本\",\"intervall\":\"5m\"}}]}\n" +
		"      |                                                                                                    ^"
	if diff := cmp.Diff(want, set.Errors[0].Excerpt()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, o := range set.Objects {
		_ = o.Violation("spec.image", "no") // Every one is refused: most lines are not looked for any more.
	}
	if got := set.Objects[0].Violation("spec", "no"); got.Line != 1 || got.Column == 0 {
		t.Errorf("got %v", got)
	}
}

// TestAPlaceThatAServiceNamesIsShownInALongLine asks for one of many objects in one line.
func TestAPlaceThatAServiceNamesIsShownInALongLine(t *testing.T) {
	const item = `{"apiVersion":"image.toolkit.fluxcd.io/v1","kind":"ImageRepository","metadata":{"name":"a%d"},"spec":{"image":"a"}},`
	text := `{"apiVersion":"v1","kind":"List","items":[`
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, item, i)
	}
	set := newCodec(t).Decode("list.json", []byte(text+strings.TrimSuffix(b.String(), ",")+"]}\n"), manifest.Options{})
	if set.Err() != nil || len(set.Objects) != 20_000 {
		t.Fatalf("%d objects, %v", len(set.Objects), set.Err())
	}
	if got := set.Objects[19_999].Violation("spec.image", "no").Excerpt(); !strings.Contains(got, `"a19999"`) {
		t.Errorf("got %s", got)
	}
}
