// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/tidemark-io/tidemark/platform/secret"
)

func sshKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"ed25519": ed}
	for name, curve := range map[string]elliptic.Curve{"ecdsa 256": elliptic.P256(), "ecdsa 384": elliptic.P384(), "ecdsa 521": elliptic.P521()} {
		if keys[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if keys["rsa"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	return keys
}

func openSSH(t *testing.T, key crypto.Signer, password string) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if password != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(password))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func authorized(t *testing.T, key crypto.Signer) string {
	t.Helper()
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(public))
}

// verifiers are the ways to verify with one trusted key: the library's, and OpenSSH's where the machine has it.
func verifiers(t *testing.T, public string) []verification {
	t.Helper()
	all := []verification{library(t, "ssh", public)}
	if program, err := exec.LookPath("ssh-keygen"); err == nil {
		all = append(all, verification{name: "ssh-keygen", config: []string{
			"gpg.ssh.program=" + program, "gpg.ssh.allowedSignersFile=" + write(t, "bot@example.com namespaces=\"git\" "+public),
		}})
	}
	return all
}

func TestGitVerifiesWhatEveryKindOfSSHKeySigned(t *testing.T) {
	b := newBench(t)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range sshKeys(t) {
		t.Run(name, func(t *testing.T) {
			trust, distrust := verifiers(t, authorized(t, key)), verifiers(t, authorized(t, stranger))
			b.prove(t, sshKind, secret.Secret{"identity": openSSH(t, key, "")}, trust, distrust)
			b.prove(t, sshKind, secret.Secret{"identity": pkcs8(t, key)}, trust, nil)
		})
	}
}

func TestKeysThatSSHKeygenMadeSign(t *testing.T) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not on this machine")
	}
	b := newBench(t)
	for name, args := range map[string][]string{
		"ed25519": {"-t", "ed25519"}, "rsa": {"-t", "rsa", "-b", "2048"}, "rsa as PEM": {"-t", "rsa", "-b", "2048", "-m", "PEM"}, "ecdsa as PEM": {"-t", "ecdsa", "-m", "PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			cmd := exec.CommandContext(t.Context(), program, append(args, "-q", "-N", "correct horse", "-C", "", "-f", file)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			private, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			public, err := os.ReadFile(file + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			b.prove(t, sshKind, secret.Secret{"identity": private, "password": []byte("correct horse")}, verifiers(t, string(public)), nil)
		})
	}
}

func TestSSHSecretsThatDoNotFitSayWhy(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	locked := openSSH(t, key, "correct horse")
	costly := ssh.Marshal(struct{ Cipher, KDF, Options string }{"aes256-ctr", "bcrypt", "\x00\x00\x00\x01s\xff\xff\xff\xff"})
	costly = pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: append([]byte("openssh-key-v1\x00"), costly...)})
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("hunter2")})
	for name, test := range map[string]struct {
		secret secret.Secret
		want   string
	}{
		"none":         {secret.Secret{"git.asc": []byte("x")}, "identity is missing; put an SSH private key there"},
		"no key":       {secret.Secret{"identity": []byte("hunter2")}, "identity cannot be read as an SSH private key"},
		"public":       {secret.Secret{"identity": []byte(authorized(t, key))}, "identity cannot be read as an SSH private key"},
		"huge":         {secret.Secret{"identity": bytes.Repeat([]byte("x"), 300<<10)}, "identity is larger than 256 KiB"},
		"locked":       {secret.Secret{"identity": locked}, "identity is encrypted and password is missing"},
		"wrong phrase": {secret.Secret{"identity": locked, "password": []byte("hunter2")}, "identity cannot be decrypted with password"},
		"costly":       {secret.Secret{"identity": costly, "password": []byte("hunter2")}, "identity would take too long to decrypt: it asks for more than 400 rounds"},
		"PKCS #8":      {secret.Secret{"identity": encrypted, "password": []byte("hunter2")}, "identity is an encrypted PKCS #8 key"},
	} {
		_, err := New(sshKind, test.secret)
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(77, secret.Secret{}); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}
