// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"

	"github.com/tidemark-io/tidemark/platform/secret"
)

func TestKeysThatAskForTooMuchAreNotTried(t *testing.T) {
	for name, config := range map[string]*packet.Config{
		"version 4": {Algorithm: packet.PubKeyAlgoEdDSA, AEADConfig: &packet.AEADConfig{}},
		"version 6": {V6Keys: true, Algorithm: packet.PubKeyAlgoEd25519, AEADConfig: &packet.AEADConfig{}},
	} {
		t.Run(name, func(t *testing.T) {
			key := newEntity(t, config)
			encrypt := *config
			encrypt.S2KConfig = &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{NumberOfPasses: 7, DegreeOfParallelism: 3, Memory: 8 << 10}}
			if err := key.EncryptPrivateKeys([]byte("correct"), &encrypt); err != nil {
				t.Fatal(err)
			}
			modest := []byte{7, 3, 13}
			for want, asks := range map[string][]byte{
				"": modest, "git.asc would take too much memory": {7, 3, 31}, "git.asc would take too much memory or time": {255, 3, 13},
			} {
				content := armored(t, openpgp.PrivateKeyType, func(w *bytes.Buffer) error {
					var raw bytes.Buffer
					if err := key.SerializePrivateWithoutSigning(&raw, nil); err != nil {
						return err
					}
					if !bytes.Contains(raw.Bytes(), modest) {
						t.Error("the parameters are not there")
					}
					_, err := w.Write(bytes.ReplaceAll(raw.Bytes(), modest, asks))
					return err
				})
				_, err := New(gpgKind, secret.Secret{"git.asc": content, "passphrase": []byte("correct")})
				if want == "" && err != nil || want != "" && (err == nil || !bytes.Contains([]byte(err.Error()), []byte(want))) {
					t.Errorf("%v: %v", asks, err)
				}
			}
		})
	}
}
