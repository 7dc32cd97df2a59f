// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// newGPG takes the newest of the signing keys that are valid and whose private half is there: gpg exports a primary key
// that is kept elsewhere as a stub.
func newGPG(armored, passphrase []byte) (*Signer, error) {
	if len(bytes.TrimSpace(armored)) == 0 {
		return nil, refuse("%s is missing; put an armored private key there (gpg --export-secret-keys --armor KEY)", keyGPG)
	}
	if len(armored) > maxPrivateKey {
		return nil, refuse("%s is larger than %d KiB, which no key is", keyGPG, maxPrivateKey>>10)
	}
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(armored))
	if err != nil || len(ring) == 0 { // the parser's words may be the key's
		return nil, refuse("%s cannot be read as an armored OpenPGP private key", keyGPG)
	}
	for _, entity := range ring {
		if key, ok := signingKey(entity, time.Now()); ok {
			if err := unlock(key, passphrase); err != nil {
				return nil, err
			}
			return &Signer{
				name: "gpg key " + key.PublicKey.KeyIdString(),
				sign: func(payload []byte) (string, error) { return signGPG(entity, key, payload) },
			}, nil
		}
	}
	return nil, unusable(ring[0])
}

func signingKey(entity *openpgp.Entity, now time.Time) (openpgp.Key, bool) {
	var best openpgp.Key
	for _, id := range privateKeys(entity) {
		key, ok := entity.SigningKeyById(now, id)
		switch {
		case !ok || key.PrivateKey == nil || key.PrivateKey.Dummy():
		case best.PublicKey == nil, best.PublicKey == entity.PrimaryKey, // a subkey comes before the primary key
			key.PublicKey != entity.PrimaryKey && key.SelfSignature.CreationTime.After(best.SelfSignature.CreationTime):
			best = key
		}
	}
	return best, best.PublicKey != nil
}

// privateKeys are the ids of the keys whose private half is there, the primary key's first.
func privateKeys(entity *openpgp.Entity) []uint64 {
	var ids []uint64
	add := func(key *packet.PrivateKey) {
		if key != nil && !key.Dummy() {
			ids = append(ids, key.KeyId)
		}
	}
	add(entity.PrivateKey)
	for _, sub := range entity.Subkeys {
		add(sub.PrivateKey)
	}
	return ids
}

func unlock(key openpgp.Key, passphrase []byte) error {
	if !key.PrivateKey.Encrypted {
		return nil
	}
	if len(passphrase) == 0 {
		return refuse("%s is encrypted and %s is missing", keyGPG, keyGPGPhrase)
	}
	if costly(key.PrivateKey) {
		return refuse("%s would take too much memory or time to decrypt; give it a passphrase anew with gpg --edit-key KEY passwd", keyGPG)
	}
	if err := key.PrivateKey.Decrypt(passphrase); err != nil {
		return refuse("%s cannot be decrypted with %s", keyGPG, keyGPGPhrase)
	}
	return nil
}

// unusable says why none of an entity's keys can sign.
func unusable(entity *openpgp.Entity) error {
	now := time.Now()
	id := entity.PrimaryKey.KeyIdString()
	self, _ := entity.PrimarySelfSignature()
	switch {
	case len(privateKeys(entity)) == 0:
		return refuse("%s holds no private key; export it with gpg --export-secret-keys --armor", keyGPG)
	case entity.Revoked(now):
		return refuse("the key %s in %s is revoked", id, keyGPG)
	case self != nil && (entity.PrimaryKey.KeyExpired(self, now) || self.SigExpired(now)):
		return refuse("the key %s in %s has expired; extend it and export it again", id, keyGPG)
	}
	for _, sub := range entity.Subkeys {
		switch {
		case sub.PrivateKey == nil || !sub.Sig.FlagSign:
		case sub.Revoked(now):
			return refuse("the signing subkey %s in %s is revoked", sub.PublicKey.KeyIdString(), keyGPG)
		case sub.PublicKey.KeyExpired(sub.Sig, now):
			return refuse("the signing subkey %s in %s has expired; extend it and export it again", sub.PublicKey.KeyIdString(), keyGPG)
		}
	}
	return refuse("no private key of %s in %s may sign", id, keyGPG)
}

func signGPG(entity *openpgp.Entity, key openpgp.Key, payload []byte) (string, error) {
	if _, ok := entity.SigningKeyById(time.Now(), key.PublicKey.KeyId); !ok {
		return "", unusable(entity)
	}
	plain := false // no salt in a notation, which git log would print
	config := &packet.Config{SigningKeyId: key.PublicKey.KeyId, NonDeterministicSignaturesViaNotation: &plain}
	var out strings.Builder
	if err := openpgp.ArmoredDetachSign(&out, entity, bytes.NewReader(payload), config); err != nil {
		return "", fmt.Errorf("sign with %s: %w", keyGPG, err)
	}
	return out.String() + "\n", nil
}
