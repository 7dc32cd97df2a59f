// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"errors"
	"fmt"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// ErrKey says that the secret has no key that can sign: it is missing, cannot be read or decrypted, or may not be used (any
// more). The sentence names the secret's key. No retry helps until the secret is changed.
var ErrKey = errors.New("the signing key cannot be used")

// The keys of the secrets.
const (
	keyGPG        = "git.asc"
	keyGPGPhrase  = "passphrase"
	keySSH        = "identity"
	keySSHPhrase  = "password"
	maxPrivateKey = 256 << 10 // bytes; a private key of OpenPGP with its many signatures has a few thousand
)

// Signer signs with one key. It is safe for concurrent use.
type Signer struct {
	name string
	sign func(payload []byte) (string, error)
}

// New makes the signer of a kind (unspecified: gpg) from a secret. To decrypt a key costs up to a second of CPU, by the
// key's own parameters: see Signers. Errors: ErrKey.
func New(kind updaterv1.SigningKeyType, s secret.Secret) (*Signer, error) {
	switch kind {
	case updaterv1.SigningKeyType_SIGNING_KEY_TYPE_UNSPECIFIED, updaterv1.SigningKeyType_SIGNING_KEY_TYPE_GPG:
		return newGPG(s[keyGPG], phrase(s, keyGPGPhrase))
	case updaterv1.SigningKeyType_SIGNING_KEY_TYPE_SSH:
		return newSSH(s[keySSH], phrase(s, keySSHPhrase))
	default:
		return nil, fmt.Errorf("%w: there is no kind of signature %d", ErrKey, kind)
	}
}

// Sign returns the armored signature of a commit's bytes; it is what gitrepo.CommitInfo.Sign wants. Errors: ErrKey when the
// key has expired since the signer was made.
func (s *Signer) Sign(payload []byte) (string, error) { return s.sign(payload) }

// String is the key's public name: "gpg key 0123456789ABCDEF", "ssh key SHA256:…".
func (s *Signer) String() string { return s.name }

// phrase is a password without the line break that an editor left at its end.
func phrase(s secret.Secret, key string) []byte { return bytes.TrimRight(s[key], "\r\n") }

// refuse is ErrKey with a sentence.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrKey, fmt.Sprintf(format, args...))
}
