// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package updater

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

func TestNoCommitIsMadeWithoutTheSignatureThatWasAskedFor(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	w, r := usual(t)
	r.applySource(w.source("gitops"))
	a := eager("web", "gitops")
	a.Spec.Git.Commit.SigningKey = &updaterv1.SigningKey{
		SecretRef: &metav1.LocalObjectReference{Name: "signing"}, Type: updaterv1.SigningKeyType_SIGNING_KEY_TYPE_SSH,
	}
	r.apply(a)
	r.ready("web", "SigningFailed", "commits cannot be signed: there is no secret 'flux-system/signing'")
	if n := len(w.log("gitops", "main")); n != 1 {
		t.Fatalf("%d commits", n)
	}
	w.secret("signing", map[string][]byte{"identity": pem.EncodeToMemory(block)})
	r.ready("web", "Succeeded", "pushed") // by itself
	commit, err := w.git.Git("gitops", nil, "cat-file", "commit", "main")
	if err != nil || !strings.Contains(string(commit), "\ngpgsig -----BEGIN SSH SIGNATURE-----\n") {
		t.Errorf("%s: %v", commit, err)
	}
}
