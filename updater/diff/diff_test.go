// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGitAppliesWhatIsMade: the law of a diff, with git as its judge.
func TestGitAppliesWhatIsMade(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		before, after := versions(random)
		if before == after {
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "a file.yaml")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		patch := Unified("a file.yaml", []byte(before), []byte(after))
		apply := exec.CommandContext(t.Context(), "git", "apply", "--unidiff-zero", "--whitespace=nowarn")
		apply.Dir, apply.Stdin = dir, strings.NewReader(patch)
		apply.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := apply.CombinedOutput(); err != nil {
			t.Fatalf("git apply: %v\n%s\n%s", err, out, patch)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != after {
			t.Fatalf("git made (-want +got):\n%s\nof\n%s", cmp.Diff(after, string(got)), patch)
		}
	}
}

// versions are a file of up to 40 lines, with line ends of both kinds and perhaps none at its end, and the same with
// some lines changed, and seldom one that comes or goes.
func versions(random *rand.Rand) (before, after string) {
	ends := []string{"\n", "\n", "\r\n"}
	var old, changed []string
	for range 1 + random.IntN(40) {
		line := strings.Repeat("x", random.IntN(3)) + ends[random.IntN(3)]
		old = append(old, line)
		switch random.IntN(8) {
		case 0:
			changed = append(changed, "y"+line)
		default:
			changed = append(changed, line)
		}
	}
	if random.IntN(8) == 0 {
		changed = append(changed[:len(changed)/2], append([]string{"new\n"}, changed[len(changed)/2:]...)...)
	}
	before, after = strings.Join(old, ""), strings.Join(changed, "")
	if random.IntN(3) == 0 {
		before, after = strings.TrimRight(before, "\r\n")+"x", strings.TrimRight(after, "\r\n")+"x"
	}
	return before, after
}

func TestUnified(t *testing.T) {
	for name, test := range map[string]struct{ before, after, want string }{
		"no difference": {"a\n", "a\n", ""},
		"two changes that meet, one that does not": {
			"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n", "1\nB\n3\n4\n5\nF\n7\n8\n9\n10\n11\n12\n13\nN\n",
			"@@ -1,9 +1,9 @@\n 1\n-2\n+B\n 3\n 4\n 5\n-6\n+F\n 7\n 8\n 9\n@@ -11,4 +11,4 @@\n 11\n 12\n 13\n-14\n+N\n",
		},
		"no line break at the end": {"a: 1", "a: 2", "@@ -1 +1 @@\n-a: 1\n\\ No newline at end of file\n+a: 2\n\\ No newline at end of file\n"},
		"a line goes":              {"a\nb\nc\n", "a\nc\n", "@@ -1,3 +1,2 @@\n a\n-b\n c\n"},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.want
			if want != "" {
				want = "diff --git a/x.yaml b/x.yaml\n--- a/x.yaml\n+++ b/x.yaml\n" + want
			}
			if d := cmp.Diff(want, Unified("x.yaml", []byte(test.before), []byte(test.after))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestGitAppliesWhatComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	apply := func(patch string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", "apply")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(patch)
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git apply: %v\n%s\n%s", err, out, patch)
		}
	}
	path, text := filepath.Join(dir, "new.yaml"), []byte("a: 1\nb: 2\n")
	apply(Unified("new.yaml", nil, text))
	if got, err := os.ReadFile(path); err != nil || string(got) != string(text) {
		t.Errorf("%q, %v", got, err)
	}
	apply(Unified("new.yaml", text, nil))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestChangesOfShortTextsAreTheFewest(t *testing.T) {
	before, after := "spec:\n  image: x\n  interval: 5m\n  secretRef: y\nend\n", "spec:\n  image: x\n  insecure: true\n  interval: 5m\nend\n"
	want := "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,5 +1,5 @@\n spec:\n   image: x\n+  insecure: true\n   interval: 5m\n-  secretRef: y\n end\n"
	if got := Unified("f", []byte(before), []byte(after)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
