// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package signing

import (
	"bytes"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// What a key that is encrypted by way of Argon2 (RFC 9580, 3.7.1.4) may ask for: 512 MiB and 16 passes. Its format goes up
// to 2 TiB. The other ways hash 62 MiB at most.
const (
	maxArgonMemory = 19 // as the power of 2, in KiB
	maxArgonPasses = 16
)

// The octets of a secret key packet's encryption (RFC 9580, 3.7.2.1 and 5.5.3).
const (
	usageAEAD   = 253
	usageSHA1   = 254
	usageSum    = 255
	specArgon   = 4
	argonSalt   = 16
	argonOctets = 1 + argonSalt + 3 // the kind, the salt, passes, parallelism, memory
)

// costly says whether a key asks for more than that. The library keeps the parameters to itself, so they are read from
// where it writes them: behind the public half.
func costly(key *packet.PrivateKey) bool {
	var whole, public bytes.Buffer
	if key.Serialize(&whole) != nil || key.PublicKey.Serialize(&public) != nil {
		return true
	}
	all, front := body(whole.Bytes()), body(public.Bytes())
	if len(all) <= len(front)+2 {
		return true
	}
	usage, rest := all[len(front)], all[len(front)+1:]
	skip := 1 // the cipher
	switch usage {
	case usageAEAD:
		skip++ // its mode
	case usageSHA1, usageSum:
	default:
		return false // a cipher by itself, with MD5
	}
	switch key.Version {
	case 5:
		skip++ // the length of all parameters
	case 6:
		skip += 2 // and of those that follow
	}
	if len(rest) <= skip {
		return true
	}
	spec := rest[skip:]
	if spec[0] != specArgon {
		return false
	}
	return len(spec) < argonOctets || spec[1+argonSalt] > maxArgonPasses || spec[argonOctets-1] > maxArgonMemory
}

// body is the content of a packet; nil where it is none.
func body(content []byte) []byte {
	p, err := packet.NewOpaqueReader(bytes.NewReader(content)).Next()
	if err != nil {
		return nil
	}
	return p.Contents
}
