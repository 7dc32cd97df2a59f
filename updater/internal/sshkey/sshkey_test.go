// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package sshkey

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"testing"

	"golang.org/x/crypto/ssh"
)

// withRounds is the beginning of an encrypted key, which is all that is read.
func withRounds(rounds uint32) []byte {
	options := ssh.Marshal(struct {
		Salt   string
		Rounds uint32
	}{"sixteen bytes....", rounds})
	content := ssh.Marshal(struct{ Cipher, KDF, Options string }{"aes256-ctr", "bcrypt", string(options)})
	return pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: append([]byte("openssh-key-v1\x00"), content...)})
}

func TestKeysThatWouldTakeLongAreTold(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key  []byte
		want bool
	}{
		"no key": {[]byte("x"), false}, "plain": {pem.EncodeToMemory(plain), false}, "locked": {pem.EncodeToMemory(locked), false},
		"many rounds": {withRounds(MaxRounds), false}, "too many": {withRounds(MaxRounds + 1), true}, "for ever": {withRounds(1<<32 - 1), true},
		"cut off": {pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: []byte("openssh-key-v1\x00ab")}), false},
	} {
		if Costly(test.key) != test.want {
			t.Errorf("%s: %v", name, !test.want)
		}
	}
}
