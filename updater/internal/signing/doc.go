// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package signing signs commits with the key of a secret, so that git verify-commit accepts them.
//
//	kind  the secret's keys                                          the signature
//	gpg   git.asc: an armored private key; passphrase                OpenPGP, detached, armored
//	ssh   identity: a private key, OpenSSH's or PEM; password        SSHSIG, namespace git, hash sha512
//
// It fetches no secret, knows no keyserver and no agent, and starts no program. Its errors name the secret's key and what
// to do about it, and hold nothing of its content.
package signing
