// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// maxSigners bounds the decrypted keys that are kept.
const maxSigners = 64

// Signers keeps the signers that were made, under a hash of the secret's content: to decrypt a key takes 50 to 500 ms, to
// sign 0.1 to 2. The zero value is empty and ready; it is safe for concurrent use.
type Signers struct {
	mu   sync.Mutex
	made map[[sha256.Size]byte]*Signer
}

// Get is New, but for a key that was asked for before. Errors are not kept.
func (k *Signers) Get(kind updaterv1.SigningKeyType, s secret.Secret) (*Signer, error) {
	key := hash(kind, s)
	k.mu.Lock()
	defer k.mu.Unlock() // also while a key is decrypted: two runs that start together want the same one
	if signer, ok := k.made[key]; ok {
		return signer, nil
	}
	signer, err := New(kind, s)
	if err != nil {
		return nil, err
	}
	if k.made == nil || len(k.made) >= maxSigners {
		k.made = map[[sha256.Size]byte]*Signer{}
	}
	k.made[key] = signer
	return signer, nil
}

// hash tells what New reads apart; each part has its length before it.
func hash(kind updaterv1.SigningKeyType, s secret.Secret) (sum [sha256.Size]byte) {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, int64(kind)) // a hash takes everything
	for _, name := range []string{keyGPG, keyGPGPhrase, keySSH, keySSHPhrase} {
		_ = binary.Write(h, binary.BigEndian, int64(len(s[name])))
		_, _ = h.Write(s[name])
	}
	h.Sum(sum[:0])
	return sum
}
