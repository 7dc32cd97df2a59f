// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func FuzzCommits(f *testing.F) {
	id := strings.Repeat("1", 40)
	f.Add([]byte("tree " + id + "\nparent " + id + "\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 2 +0000\n\nx\n"))
	f.Add([]byte("tree " + id + "\nparent x\n"))
	f.Add([]byte("tree " + id + "\ngpgsig x\n y\ncommitter >"))
	f.Fuzz(func(t *testing.T, content []byte) {
		head, err := parseCommit(content)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(content, []byte("tree ")) || len(head.parents) > bytes.Count(content, []byte("\nparent ")) {
			t.Fatalf("%+v", head)
		}
	})
}

func FuzzPacks(f *testing.F) {
	f.Add(packOf(1, honest(plumbing.BlobObject, []byte("mark"))))
	f.Add(packOf(2, honest(plumbing.BlobObject, []byte("mark")), packed{plumbing.OFSDeltaObject, 4, []byte{1}, deflated([]byte{4, 4, 4, 0})}))
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"))
	limits := packLimits{1 << 20, errAnswerTooLarge, 100, 1 << 16, 1 << 20}
	f.Fuzz(func(t *testing.T, pack []byte) {
		if len(pack) > 1<<16 {
			return
		}
		_ = checkPack(t.Context(), bytes.NewReader(pack), limits, meterOf(t.Context()))
	})
}

func FuzzHostileNames(f *testing.F) {
	for _, name := range []string{"a.yaml", "..", ".git", "GIT~1", "a/b", "\x00", "é", ".gitignore"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if hostileName(name) != "" {
			return
		}
		if strings.ContainsAny(name, "/\\\x00\n") || strings.EqualFold(name, ".git") || name == ".." || name == "" {
			t.Fatalf("%q is taken for honest", name)
		}
		if printable(name) != name {
			t.Fatalf("%q cannot be shown", name)
		}
	})
}
