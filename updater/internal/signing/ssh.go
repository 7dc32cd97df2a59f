// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/tidemark-io/tidemark/updater/internal/sshkey"
)

// namespace is what Git signs in: a signature made for something else is no commit's.
const namespace = "git"

func newSSH(identity, password []byte) (*Signer, error) {
	if len(bytes.TrimSpace(identity)) == 0 {
		return nil, refuse("%s is missing; put an SSH private key there (ssh-keygen -t ed25519)", keySSH)
	}
	if len(identity) > maxPrivateKey {
		return nil, refuse("%s is larger than %d KiB, which no key is", keySSH, maxPrivateKey>>10)
	}
	if sshkey.Costly(identity) {
		return nil, refuse("%s would take too long to decrypt: it asks for more than %d rounds; encrypt it anew with ssh-keygen -p -a 24",
			keySSH, sshkey.MaxRounds)
	}
	key, err := parseSSH(identity, password)
	if err != nil {
		return nil, err
	}
	switch kind := key.PublicKey().Type(); kind {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA:
	default:
		return nil, refuse("%s is a key of type %s; take ed25519, ecdsa or rsa", keySSH, kind)
	}
	return &Signer{
		name: "ssh key " + ssh.FingerprintSHA256(key.PublicKey()),
		sign: func(payload []byte) (string, error) {
			signature, err := sshsig.Sign(bytes.NewReader(payload), key, sshsig.HashSHA512, namespace)
			if err != nil {
				return "", fmt.Errorf("sign with %s: %w", keySSH, err)
			}
			return string(sshsig.Armor(signature)), nil
		},
	}, nil
}

func parseSSH(identity, password []byte) (ssh.Signer, error) {
	key, err := ssh.ParsePrivateKey(identity)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked) && len(password) == 0:
		return nil, refuse("%s is encrypted and %s is missing", keySSH, keySSHPhrase)
	case errors.As(err, &locked):
		if key, err = ssh.ParsePrivateKeyWithPassphrase(identity, password); err != nil {
			return nil, refuse("%s cannot be decrypted with %s", keySSH, keySSHPhrase)
		}
	case bytes.Contains(identity, []byte("BEGIN ENCRYPTED PRIVATE KEY")):
		return nil, refuse("%s is an encrypted PKCS #8 key, which cannot be read; convert it with ssh-keygen -p", keySSH)
	case err != nil: // the parser's words may be the key's
		return nil, refuse("%s cannot be read as an SSH private key", keySSH)
	}
	return key, nil
}
