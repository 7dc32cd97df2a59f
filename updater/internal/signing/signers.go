// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"golang.org/x/sync/singleflight"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// maxSigners bounds the decrypted keys that are kept.
const maxSigners = 64

// Signers keeps the signers that were made, under a hash of the secret's content: to decrypt a key takes 50 to 500 ms, to
// sign 0.1 to 2. The zero value is empty and ready; it is safe for concurrent use.
type Signers struct {
	making singleflight.Group // of two runs that want the same key at once one decrypts it, and nobody else waits
	mu     sync.Mutex
	made   map[[sha256.Size]byte]*Signer
}

// Get is New, but for a key that was asked for before. Errors are not kept.
func (k *Signers) Get(kind updaterv1.SigningKeyType, s secret.Secret) (*Signer, error) {
	key := hash(kind, s)
	if signer := k.kept(key); signer != nil {
		return signer, nil
	}
	_, err, _ := k.making.Do(string(key[:]), func() (any, error) {
		signer, err := New(kind, s)
		if err == nil {
			k.keep(key, signer)
		}
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	if signer := k.kept(key); signer != nil {
		return signer, nil
	}
	return New(kind, s) // so many are used at once that it is forgotten already
}

func (k *Signers) kept(key [sha256.Size]byte) *Signer {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made[key]
}

func (k *Signers) keep(key [sha256.Size]byte, signer *Signer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made == nil || len(k.made) >= maxSigners {
		k.made = map[[sha256.Size]byte]*Signer{}
	}
	k.made[key] = signer
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
