// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/secret"
)

func repository(name, url, secretName string) *updaterv1.GitRepository {
	r := &updaterv1.GitRepository{
		Metadata: &metav1.ObjectMeta{Name: name, Namespace: "apps"}, Spec: &updaterv1.GitRepositorySpec{Url: url},
	}
	if secretName != "" {
		r.Spec.SecretRef = &metav1.LocalObjectReference{Name: secretName}
	}
	return r
}

func TestOneRemoteAndCredentialAreOneCache(t *testing.T) {
	var secrets secret.Memory
	set := func(name, password string) {
		if err := secrets.Set("apps", name, secret.Secret{"username": []byte("robot"), "password": []byte(password)}); err != nil {
			t.Fatal(err)
		}
	}
	set("a", "one")
	set("b", "one")
	pool := New(t.TempDir(), &secrets)
	open := func(r *updaterv1.GitRepository) any {
		t.Helper()
		repo, release, err := pool.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		release()
		release() // twice is once
		return repo
	}
	first := open(repository("x", "https://example.com/a", "a"))
	if open(repository("y", "HTTPS://example.com/a", "b")) != first {
		t.Error("two objects with one remote and credential have two caches")
	}
	if open(repository("x", "https://example.com/a", "")) == first || open(repository("x", "https://example.com/b", "a")) == first {
		t.Error("another credential or URL has the same cache")
	}
	set("a", "two")
	if open(repository("x", "https://example.com/a", "a")) == first {
		t.Error("a changed password was not read")
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
	if err := pool.Prune(); err != nil {
		t.Error(err)
	}
}

func TestSecretsThatDoNotFitSayWhatIsMissing(t *testing.T) {
	var secrets secret.Memory
	costly := ssh.Marshal(struct{ Cipher, KDF, Options string }{"aes256-ctr", "bcrypt", "\x00\x00\x00\x01s\xff\xff\xff\xff"})
	costly = pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: append([]byte("openssh-key-v1\x00"), costly...)})
	for name, s := range map[string]secret.Secret{
		"costly": {"identity": costly, "known_hosts": []byte("x"), "password": []byte("x")}, "nameless": {"password": []byte("x")},
		"ssh": {"identity": []byte("key")}, "empty": {"other": []byte("x")}, "ca": {"ca.crt": []byte("no certificate")},
	} {
		if err := secrets.Set("apps", name, s); err != nil {
			t.Fatal(err)
		}
	}
	pool := New(t.TempDir(), &secrets)
	for _, test := range []struct{ url, secret, want string }{
		{"https://example.com/a", "absent", "there is no secret 'apps/absent'; create it, or correct spec.secretRef of GitRepository 'apps/x'"},
		{"https://example.com/a", "empty", "secret 'apps/empty' has none of the keys username and password"},
		{"ssh://git@example.com/a", "ssh", "secret 'apps/ssh' has no identity and known_hosts"},
		{"ssh://git@example.com/a", "costly", "secret 'apps/costly' has an identity that would take too long to decrypt"},
		{"https://example.com/a", "nameless", "secret 'apps/nameless' has a password and no username"},
		{"https://example.com/a", "ca", "ca.crt has no PEM certificate"},
	} {
		_, _, err := pool.Open(t.Context(), repository("x", test.url, test.secret))
		if err == nil || !strings.Contains(err.Error(), test.want) || (test.secret != "ca" && !errors.Is(err, ErrSecret)) {
			t.Errorf("%s: %v", test.secret, err)
		}
	}
}
