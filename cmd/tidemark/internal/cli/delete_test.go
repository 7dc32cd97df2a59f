//go:build !windows

// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli"
)

func TestDeleteWithAWord(t *testing.T) {
	s := trio()
	address := s.serve(t)
	for _, test := range []struct {
		object, human, flag string
	}{
		{"image update", "image update automation", "--yes"},
		{"image policy", "image policy", "-y"},
		{"image repository", "image repository", "-s"},
		{"source git", "source git", "--silent"},
		{"receiver", "receiver", "--yes"},
	} {
		args := append(append([]string{"delete"}, strings.Fields(test.object)...), "app", test.flag)
		tidemark(t, address, args...).wants(t, terminal{
			err: "► deleting " + test.human + " app in flux-system namespace\n✔ " + test.human + " deleted\n",
		})
		if got := tidemark(t, address, args...); got.code != 1 || !strings.Contains(got.err, "object 'app' not found in \"flux-system\" namespace") {
			t.Errorf("deleted again: %+v", got)
		}
	}
}

func TestDeleteOfSeveralGoesAgainstTheDataAndWarnsOfFolders(t *testing.T) {
	tidemark(t, teams().serve(t), "delete", "image", "all", "-l", "team=web", "--yes").wants(t, terminal{
		err: "⚠ image repository followed is managed by manifests:/etc/tidemark, which brings it back: take it out of there\n" +
			"► deleting image policy gone in flux-system namespace\n✔ image policy deleted\n" +
			"► deleting image repository made in flux-system namespace\n✔ image repository deleted\n" +
			"► deleting image repository gone in flux-system namespace\n✔ image repository deleted\n" +
			"► deleting image repository followed in flux-system namespace\n✔ image repository deleted\n",
	})
}

func TestDeleteRefuses(t *testing.T) {
	s := trio()
	address := s.serve(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"without anybody to ask": {[]string{"image", "policy", "app"}, "deleting needs a yes, and standard input is no terminal to ask on: say --yes"},
		"without a name":         {[]string{"image", "policy", "--yes"}, "image policy name is required; for all of the namespace use --all"},
		"all without a word":     {[]string{"image", "all", "--yes"}, "object name is required; for all of the namespace use --all"},
		"names and all":          {[]string{"image", "policy", "app", "--all", "--yes"}, "give names, or --all, or --label-selector, but not names and one of the others"},
		"one wrong name of two":  {[]string{"image", "policy", "app", "none", "--yes"}, "ImagePolicy object 'none' not found in \"flux-system\" namespace"},
		"a kind of nothing":      {[]string{"image", "polcies", "app"}, "unknown command \"polcies\" for \"tidemark delete image\"; did you mean policies?"},
	} {
		t.Run(name, func(t *testing.T) {
			tidemark(t, address, append([]string{"delete"}, test.args...)...).wants(t, terminal{err: "✗ " + test.want + "\n", code: 1})
		})
	}
	if len(s.policies.objects) != 1 {
		t.Error("something was deleted")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	var out bytes.Buffer
	if code := runWith(t.Context(), null, &out, address, "delete", "image", "policy", "app"); code != 1 || !strings.Contains(out.String(), "no terminal to ask on") {
		t.Errorf("the null device is taken for a person: %d %s", code, out.String())
	}
}

// runWith runs one command with a standard input of its own; what it writes goes to out.
func runWith(ctx context.Context, in *os.File, out *bytes.Buffer, address string, args ...string) int {
	return cli.Run(ctx, args, cli.Streams{In: in, Out: out, Err: out}, func(name string) string {
		if name == "TIDEMARK_SERVER" {
			return address
		}
		return ""
	})
}

func TestDeleteAsksOnATerminal(t *testing.T) {
	const (
		question = "? Are you sure you want to delete this image policy? [y/N] "
		deleted  = "► deleting image policy app in flux-system namespace\n✔ image policy deleted\n"
	)
	for name, test := range map[string]struct {
		args, typed, want string
		code              int
	}{
		"yes":             {"image policy app", "y\n", question + deleted, 0},
		"in full":         {"image policy app", "YES\n", question + deleted, 0},
		"no":              {"image policy app", "n\n", question + "✗ aborting\n", 1},
		"nothing":         {"image policy app", "\n", question + "✗ aborting\n", 1},
		"the end":         {"image policy app", "\x04", question + "\n✗ aborting\n", 1},
		"a word given":    {"image policy app --yes", "", deleted, 0},
		"one by labels":   {"image policy --all", "y\n", "  imagepolicy/flux-system/app\n" + question + deleted, 0},
		"several, and no": {"image all --all", "\n", "  imagerepository/flux-system/app\n  imagepolicy/flux-system/app\n  imageupdateautomation/flux-system/app\n? Are you sure you want to delete these 3 objects? [y/N] ✗ aborting\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := trio()
			master, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = master.Close(), tty.Close() }()
			if _, err := master.WriteString(test.typed); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			code := runWith(t.Context(), tty, &out, s.serve(t), append([]string{"delete"}, strings.Fields(test.args)...)...)
			terminal{err: out.String(), code: code}.wants(t, terminal{err: test.want, code: test.code})
			if left := len(s.policies.objects); left != test.code {
				t.Errorf("%d policies are left", left)
			}
		})
	}
}

func TestPruneAsksOnATerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yaml")
	write(t, file, webRepository)
	for typed, want := range map[string]string{
		"n\n": "✗ aborting\n",
		"y\n": "imagerepository/tenants/gone pruned\n",
	} {
		s := teams()
		master, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := master.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		runWith(t.Context(), tty, &out, s.serve(t), "apply", "-f", file, "--prune", "-l", "team=web", "-n", "tenants")
		_, _ = master.Close(), tty.Close()
		if want = "imagerepository/tenants/app created\n  imagerepository/tenants/gone\n" +
			"? Are you sure you want to delete this image repository? [y/N] " + want; out.String() != want {
			t.Errorf("typed %q:\n%s\nwant:\n%s", typed, out.String(), want)
		}
	}
}

func TestAQuestionEndsWithTheCommand(t *testing.T) {
	s := trio()
	address := s.serve(t)
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = master.Close(), tty.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	if code := runWith(ctx, tty, &out, address, "delete", "image", "policy", "app"); code != 1 || len(s.policies.objects) != 1 {
		t.Errorf("exit code %d, %d policies are left: %s", code, len(s.policies.objects), out.String())
	}
}
