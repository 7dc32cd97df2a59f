// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/localparts/gitserver"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

const (
	gpgKind = updaterv1.SigningKeyType_SIGNING_KEY_TYPE_GPG
	sshKind = updaterv1.SigningKeyType_SIGNING_KEY_TYPE_SSH
)

const repository = "app.git"

// bench is a Git server and one clone of its repository.
type bench struct {
	*gitserver.Server
	repo *gitrepo.Repo
	n    int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server, err := gitserver.Start(t.Context(), gitserver.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.CreateRepository(repository, "main", map[string]string{"app.yaml": "image: a:1\n"}); err != nil {
		t.Fatal(err)
	}
	repo, err := gitrepo.Open(t.TempDir(), gitrepo.Remote{URL: server.RepositoryURL(repository)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = repo.Close() })
	return &bench{Server: server, repo: repo}
}

// commit makes and pushes a commit, and returns its id.
func (b *bench) commit(t *testing.T, sign func([]byte) (string, error)) string {
	t.Helper()
	tip, err := b.repo.Fetch(t.Context(), gitrepo.Ref{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	b.n++
	made, err := b.repo.Commit(t.Context(), tip.Hash, map[string][]byte{"app.yaml": fmt.Appendf(nil, "image: a:%d\n", b.n+1)}, gitrepo.CommitInfo{
		Author: gitrepo.Person{Name: "Tidemark", Email: "bot@example.com"}, When: time.Now(), Sign: sign,
		Message: "Update images\n\n - trailing space \n\n\n# a second paragraph, ünïcödé\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	updates := []gitrepo.RefUpdate{{Name: "refs/heads/main", Old: tip.Hash, New: made.Hash}}
	if _, err := b.repo.Push(t.Context(), updates, gitrepo.PushOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.Hash.String()
}

// tampered is the commit with another message under the same signature.
func (b *bench) tampered(t *testing.T, id string) string {
	t.Helper()
	content, err := b.Git(repository, nil, "cat-file", "commit", id)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), "Update images", "Update imagez", 1)
	hash, err := b.Git(repository, []byte(changed), "hash-object", "-t", "commit", "-w", "--stdin")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(hash))
}

// verification is a way to let git verify-commit verify.
type verification struct {
	name   string
	env    []string
	config []string
}

func (b *bench) verify(t *testing.T, v verification, id string) error {
	t.Helper()
	args := []string{"-C", b.Dir(repository)}
	for _, c := range v.config {
		args = append(args, "-c", c)
	}
	cmd := exec.CommandContext(t.Context(), "git", append(args, "verify-commit", "-v", id)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}, v.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// library lets the test binary verify.
func library(t *testing.T, kind, public string) verification {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := verification{name: "the library", env: []string{trusted + "=" + write(t, public)}}
	if kind == "gpg" {
		v.config = []string{"gpg.program=" + self}
	} else {
		v.config = []string{"gpg.ssh.program=" + self, "gpg.ssh.allowedSignersFile=" + os.DevNull}
	}
	return v
}

func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// prove checks that git takes what the signer signed, and nothing else.
func (b *bench) prove(t *testing.T, kind updaterv1.SigningKeyType, s secret.Secret, trust, distrust []verification) {
	t.Helper()
	signer, err := New(kind, s)
	if err != nil {
		t.Fatal(err)
	}
	id := b.commit(t, signer.Sign)
	other := b.tampered(t, id)
	for _, v := range trust {
		if err := b.verify(t, v, id); err != nil {
			t.Errorf("%s (%s) refuses: %v", v.name, signer, err)
		}
		if b.verify(t, v, other) == nil {
			t.Errorf("%s takes a commit that was tampered with", v.name)
		}
	}
	for _, v := range distrust {
		if b.verify(t, v, id) == nil {
			t.Errorf("%s takes another key's signature", v.name)
		}
	}
}

func TestACommitWithoutSignatureIsNotVerified(t *testing.T) {
	b := newBench(t)
	id := b.commit(t, nil)
	if b.verify(t, library(t, "gpg", newEntity(t, ed25519Config()).public(t)), id) == nil {
		t.Error("an unsigned commit passes")
	}
}

func TestSignersAreKeptByTheSecretsContent(t *testing.T) {
	key := newEntity(t, ed25519Config())
	var signers Signers
	get := func(s secret.Secret) *Signer {
		t.Helper()
		signer, err := signers.Get(gpgKind, s)
		if err != nil {
			t.Fatal(err)
		}
		return signer
	}
	s := secret.Secret{"git.asc": key.private(t, "horse")}
	if _, err := signers.Get(gpgKind, s); !errors.Is(err, ErrKey) {
		t.Fatal(err)
	}
	s["passphrase"] = []byte("horse\n")
	first := get(s)
	if get(secret.Secret{"git.asc": s["git.asc"], "passphrase": s["passphrase"], "other": []byte("x")}) != first {
		t.Error("the same key was decrypted twice")
	}
	if get(secret.Secret{"git.asc": newEntity(t, ed25519Config()).private(t, "")}) == first {
		t.Error("another key has the same signer")
	}
	delete(s, "passphrase")
	if _, err := signers.Get(gpgKind, s); !errors.Is(err, ErrKey) {
		t.Error("a missing passphrase is made up for by an older one")
	}
}
