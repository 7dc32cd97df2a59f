// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tidemark-io/tidemark/localparts/gitserver"
)

// Writers with caches of their own push to one branch until each of their changes is in: every change lands
// once, in a history without a fork.
func TestRacingWritersLoseNothing(t *testing.T) {
	const writers, changes = 10, 2
	files := map[string]string{}
	for w := range writers {
		files[fmt.Sprintf("w%d", w)] = "0"
	}
	server := startServer(t, gitserver.Config{}, files)
	dir := t.TempDir()
	group, ctx := errgroup.WithContext(t.Context())
	for w := range writers {
		r := open(t, dir, Remote{URL: server.RepositoryURL(app), Auth: Auth{Identity: fmt.Sprint(w)}})
		group.Go(func() error {
			for n := range changes {
				if err := land(ctx, r, fmt.Sprintf("w%d", w), fmt.Sprint(n+1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	log, err := server.Log(app, "main")
	if err != nil || len(log) != writers*changes+1 {
		t.Fatalf("%v: %d commits", err, len(log))
	}
	landed := map[string]bool{}
	for i, commit := range log {
		if i+1 < len(log) && commit.Parents != log[i+1].ID {
			t.Fatalf("the history forks at %s", commit.ID)
		}
		landed[commit.Message] = true
	}
	if len(landed) != len(log) {
		t.Fatalf("a change landed twice: %v", landed)
	}
	fsck(t, server)
}

func land(ctx context.Context, r *Repo, path, content string) error {
	for {
		tip, err := r.Fetch(ctx, Ref{Branch: "main"})
		if err != nil {
			return err
		}
		made, err := r.Commit(ctx, tip.Hash, map[string][]byte{path: []byte(content)}, info(path+" "+content))
		if err != nil {
			return err
		}
		_, err = r.Push(ctx, mainFrom(tip.Hash, made.Hash), PushOptions{})
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
}

// One Repo may be used from many goroutines.
func TestRepoIsSharedSafely(t *testing.T) {
	server := startServer(t, gitserver.Config{}, map[string]string{"a.yaml": "mark", "b.yaml": "mark"})
	r := openApp(t, server)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 4 {
		group.Go(func() error {
			tip, err := r.Fetch(ctx, Ref{})
			if err != nil {
				return err
			}
			listing, err := r.Walk(ctx, tip.Hash, marked)
			if err != nil {
				return err
			}
			for _, file := range listing.Files {
				if _, err := r.ReadFile(file); err != nil {
					return err
				}
			}
			made, err := r.Commit(ctx, tip.Hash, map[string][]byte{"a.yaml": fmt.Append(nil, i)}, info("x"))
			if err != nil {
				return err
			}
			_, err = r.Push(ctx, []RefUpdate{{Name: fmt.Sprintf("refs/heads/b%d", i), New: made.Hash}}, PushOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	fsck(t, server)
}
