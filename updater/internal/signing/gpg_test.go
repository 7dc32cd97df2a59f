// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/tidemark-io/tidemark/platform/secret"
)

func ed25519Config() *packet.Config { return &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA} }

// entity is a key as gpg would make it: a primary key that signs, and an encryption subkey.
type entity struct{ *openpgp.Entity }

func newEntity(tb testing.TB, config *packet.Config) entity {
	tb.Helper()
	made, err := openpgp.NewEntity("Tidemark", "", "bot@example.com", config)
	if err != nil {
		tb.Fatal(err)
	}
	return entity{made}
}

func armored(tb testing.TB, kind string, serialize func(w *bytes.Buffer) error) []byte {
	tb.Helper()
	var raw, out bytes.Buffer
	if err := serialize(&raw); err != nil {
		tb.Fatal(err)
	}
	w, err := armor.Encode(&out, kind, nil)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(raw.Bytes()); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func (e entity) public(t *testing.T) string {
	t.Helper()
	return string(armored(t, openpgp.PublicKeyType, func(w *bytes.Buffer) error { return e.Serialize(w) }))
}

// private is the private key as it would be exported; with a passphrase it is encrypted, and so it stays.
func (e entity) private(tb testing.TB, passphrase string) []byte {
	tb.Helper()
	if passphrase != "" {
		if err := e.EncryptPrivateKeys([]byte(passphrase), nil); err != nil {
			tb.Fatal(err)
		}
	}
	return armored(tb, openpgp.PrivateKeyType, func(w *bytes.Buffer) error { return e.SerializePrivateWithoutSigning(w, nil) })
}

func TestGitVerifiesWhatEveryKindOfGPGKeySigned(t *testing.T) {
	b := newBench(t)
	stranger := newEntity(t, ed25519Config())
	for name, config := range map[string]*packet.Config{
		"rsa":       {Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048},
		"ed25519":   ed25519Config(),
		"NIST P256": {Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP256},
		"NIST P521": {Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP521},
	} {
		t.Run(name, func(t *testing.T) {
			key := newEntity(t, config)
			trust := append(realGPG(t, key.public(t)), library(t, "gpg", key.public(t)))
			distrust := append(realGPG(t, stranger.public(t)), library(t, "gpg", stranger.public(t)))
			b.prove(t, gpgKind, secret.Secret{"git.asc": key.private(t, "")}, trust, distrust)
			b.prove(t, gpgKind, secret.Secret{"git.asc": key.private(t, "correct horse"), "passphrase": []byte("correct horse\n")}, trust, distrust)
		})
	}
}

// realGPG lets gpg verify, where the machine has one.
func realGPG(t *testing.T, public string) []verification {
	t.Helper()
	program, err := exec.LookPath("gpg")
	if err != nil {
		return nil
	}
	env := gpgHome(t)
	gpgRun(t, env, public, "--import")
	return []verification{{name: "gpg", env: env, config: []string{"gpg.program=" + program}}}
}

// gpgHome is a key ring of the test's own. The path is short, since that of the agent's socket in it must be.
func gpgHome(t *testing.T) []string {
	t.Helper()
	home, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil { // quick
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "GNUPGHOME=" + home, "HOME=" + home}
	t.Cleanup(func() {
		end := exec.Command("gpgconf", "--kill", "all")
		end.Env = env
		_ = end.Run() // there may be none
		_ = os.RemoveAll(home)
	})
	return env
}

func gpgRun(t *testing.T, env []string, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gpg", append([]string{"--batch", "--quiet", "--no-tty", "--pinentry-mode=loopback"}, args...)...)
	cmd.Env, cmd.Stdin = env, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gpg %v: %v: %s", args, err, stderr.Bytes())
	}
	return string(out)
}

// What gpg itself exports is what people have: encrypted as gpg does it, the primary key perhaps a stub.
func TestKeysThatGPGMadeAndExportedSign(t *testing.T) {
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("gpg is not on this machine")
	}
	b := newBench(t)
	env := gpgHome(t)
	const who = "Tidemark <bot@example.com>"
	gpgRun(t, env, "", "--passphrase", "correct horse", "--quick-generate-key", who, "ed25519", "cert", "never")
	fingerprint := ""
	for line := range strings.Lines(gpgRun(t, env, "", "--with-colons", "--list-keys")) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" && fingerprint == "" {
			fingerprint = fields[9]
		}
	}
	for _, kind := range [][]string{{"cv25519", "encr"}, {"ed25519", "sign"}} {
		gpgRun(t, env, "", "--passphrase", "correct horse", "--quick-add-key", fingerprint, kind[0], kind[1], "never")
	}
	trust := []verification{{name: "gpg", env: env}, library(t, "gpg", gpgRun(t, env, "", "--armor", "--export"))}
	for _, export := range []string{"--export-secret-keys", "--export-secret-subkeys"} {
		t.Run(export, func(t *testing.T) {
			key := gpgRun(t, env, "", "--passphrase", "correct horse", "--armor", export)
			b.prove(t, gpgKind, secret.Secret{"git.asc": []byte(key), "passphrase": []byte("correct horse")}, trust, nil)
		})
	}
}

func TestTheNewestValidSigningSubkeySigns(t *testing.T) {
	at := func(day int, lifetime time.Duration) *packet.Config {
		config := ed25519Config()
		config.Time = func() time.Time { return time.Now().Add(time.Duration(day) * 24 * time.Hour) }
		config.KeyLifetimeSecs = uint32(lifetime / time.Second)
		return config
	}
	key := newEntity(t, at(-100, 0))
	for _, config := range []*packet.Config{at(-50, 0), at(-40, 0), at(-30, 24*time.Hour), at(-20, 0)} {
		if err := key.AddSigningSubkey(config); err != nil {
			t.Fatal(err)
		}
	}
	last := &key.Subkeys[len(key.Subkeys)-1]
	if err := key.RevokeSubkey(last, packet.KeySuperseded, "", at(-10, 0)); err != nil {
		t.Fatal(err)
	}
	wants := key.Subkeys[len(key.Subkeys)-3].PublicKey.KeyIdString()
	signer, err := New(gpgKind, secret.Secret{"git.asc": key.private(t, "")})
	if err != nil || signer.String() != "gpg key "+wants {
		t.Fatalf("%v signs (%v), not %s", signer, err, wants)
	}
	b := newBench(t)
	b.prove(t, gpgKind, secret.Secret{"git.asc": key.private(t, "")}, append(realGPG(t, key.public(t)), library(t, "gpg", key.public(t))), nil)
}

func TestGPGSecretsThatDoNotFitSayWhy(t *testing.T) {
	key := newEntity(t, ed25519Config())
	expired := ed25519Config()
	expired.Time, expired.KeyLifetimeSecs = func() time.Time { return time.Now().Add(-48 * time.Hour) }, 3600
	revoked := newEntity(t, ed25519Config())
	if err := revoked.RevokeKey(packet.KeyCompromised, "lost", nil); err != nil {
		t.Fatal(err)
	}
	public := []byte(key.public(t))
	private := key.private(t, "correct horse")
	for name, test := range map[string]struct {
		secret secret.Secret
		want   string
	}{
		"none":          {secret.Secret{"identity": []byte("x")}, "git.asc is missing; put an armored private key there (gpg --export-secret-keys --armor KEY)"},
		"no key":        {secret.Secret{"git.asc": []byte("hunter2")}, "git.asc cannot be read as an armored OpenPGP private key"},
		"cut off":       {secret.Secret{"git.asc": private[:len(private)/2]}, "git.asc cannot be read as an armored OpenPGP private key"},
		"huge":          {secret.Secret{"git.asc": bytes.Repeat([]byte("x"), 300<<10)}, "git.asc is larger than 256 KiB"},
		"public":        {secret.Secret{"git.asc": public}, "git.asc holds no private key; export it with"},
		"locked":        {secret.Secret{"git.asc": private}, "git.asc is encrypted and passphrase is missing"},
		"wrong phrase":  {secret.Secret{"git.asc": private, "passphrase": []byte("hunter2")}, "git.asc cannot be decrypted with passphrase"},
		"expired":       {secret.Secret{"git.asc": newEntity(t, expired).private(t, "")}, "in git.asc has expired; extend it and export it again"},
		"revoked":       {secret.Secret{"git.asc": revoked.private(t, "")}, "in git.asc is revoked"},
		"a binary file": {secret.Secret{"git.asc": bytes.Repeat([]byte{0, 0x99, 0xff}, 100)}, "git.asc cannot be read as an armored OpenPGP private key"},
	} {
		_, err := New(gpgKind, test.secret)
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzArmoredKeysNeverPanic(f *testing.F) {
	f.Add(newEntity(f, ed25519Config()).private(f, ""))
	f.Add(newEntity(f, ed25519Config()).private(f, "x"))
	f.Fuzz(func(t *testing.T, content []byte) {
		signer, err := New(gpgKind, secret.Secret{"git.asc": content, "passphrase": []byte("x")})
		if err == nil {
			_, _ = signer.Sign([]byte("x"))
		} else if !errors.Is(err, ErrKey) {
			t.Error(err)
		}
	})
}
