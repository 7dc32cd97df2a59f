// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package sshkey tells what it costs to decrypt an SSH private key, before anybody tries: whoever made the key chose that,
// and nothing can stop it midway. It reads no key.
package sshkey

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/ssh"
)

// MaxRounds is how many rounds of bcrypt a key may ask for. ssh-keygen makes 16 to 24 unless told otherwise; one is about
// 10 ms of CPU.
const MaxRounds = 400

var magic = []byte("openssh-key-v1\x00")

// Costly says that a key asks for more rounds than MaxRounds. What is no key of OpenSSH's own format is not costly.
func Costly(identity []byte) bool {
	block, _ := pem.Decode(identity)
	if block == nil {
		return false
	}
	content, ours := bytes.CutPrefix(block.Bytes, magic)
	var head struct {
		Cipher, KDF, Options string
		Rest                 []byte `ssh:"rest"`
	}
	if !ours || ssh.Unmarshal(content, &head) != nil || head.KDF != "bcrypt" {
		return false
	}
	var options struct {
		Salt   string
		Rounds uint32
	}
	return ssh.Unmarshal([]byte(head.Options), &options) == nil && options.Rounds > MaxRounds
}
