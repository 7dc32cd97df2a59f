// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updating

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// plainly makes the commit that sets a tag as a program does that uses go-git in its usual way: a shallow clone into a work
// tree, an edit of the files, a commit of all that has changed, which has the library compare the tree with its index, and a push.
func plainly(tb testing.TB, r *remote, from, to string) {
	tb.Helper()
	dir := tb.TempDir()
	repository, err := git.PlainClone(dir, false, &git.CloneOptions{URL: r.url(), Depth: 1, SingleBranch: true})
	if err != nil {
		tb.Fatal(err)
	}
	replaceTags(tb, dir, firstMarker(), from, to)
	tree, err := repository.Worktree()
	if err != nil {
		tb.Fatal(err)
	}
	author := &object.Signature{Name: "Somebody", Email: "somebody@example.com", When: time.Now()}
	if _, err := tree.Commit("Set "+to, &git.CommitOptions{All: true, Author: author}); err != nil {
		tb.Fatal(err)
	}
	if err := repository.Push(&git.PushOptions{}); err != nil {
		tb.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		tb.Fatal(err)
	}
}

// firstMarker is what is on the lines of the first policy, and on no other.
func firstMarker() string {
	return fmt.Sprintf(`"%s": "%s:%s`, marker.Key, namespace, policyName(0))
}

// replaceTags replaces the tag in all files that have the marker.
func replaceTags(tb testing.TB, dir, mark, from, to string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(content, []byte(mark)) {
			return err
		}
		return os.WriteFile(path, bytes.ReplaceAll(content, []byte(from+" # {"), []byte(to+" # {")), 0o600)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// byCommand makes the commit as a small shell script does.
func byCommand(tb testing.TB, r *remote, from, to string) {
	tb.Helper()
	script := fmt.Sprintf(`set -e
git clone -q --depth 1 %q .
grep -rlF --include='*.yaml' '%s' . | xargs sed -i 's/%s # {/%s # {/'
git -c user.name=Somebody -c user.email=somebody@example.com commit -qam 'Set %s'
git push -q`, r.url(), firstMarker(), strings.ReplaceAll(from, ".", `\.`), to, to)
	dir := tb.TempDir()
	cmd := exec.CommandContext(tb.Context(), "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, out)
	}
}
