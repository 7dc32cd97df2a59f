// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what callers sign with; an HMAC does not need a collision-free hash
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"strings"
)

// knowsPath is the proof of a type that has no other: the path holds the token's hash.
func knowsPath(context.Context, *Receiver, Call) error { return nil }

// headerIs proves by a header that is the token after a prefix.
func headerIs(name, prefix string) func(context.Context, *Receiver, Call) error {
	return func(_ context.Context, r *Receiver, c Call) error {
		value := c.Header.Get(name)
		if value == "" {
			return fmt.Errorf("%w: there is no header %s", ErrNotProven, name)
		}
		if !same([]byte(value), append([]byte(prefix), r.credential.Token...)) {
			return fmt.Errorf("%w: the header %s is not the token", ErrNotProven, name)
		}
		return nil
	}
}

// same compares in a time that tells neither content nor length.
func same(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// signed proves by a signature `<algorithm>=<hex>` over the body, in the first of the headers that is there.
func signed(headers ...string) func(context.Context, *Receiver, Call) error {
	return func(_ context.Context, r *Receiver, c Call) error {
		for _, name := range headers {
			value := c.Header.Get(name)
			if value == "" {
				continue
			}
			algorithm, digest, _ := strings.Cut(value, "=")
			made, ok := hashes(algorithm)
			if !ok {
				return fmt.Errorf("%w: the header %s names no known algorithm: sha1, sha256 and sha512 are", ErrNotProven, name)
			}
			return checkMAC(made, r.credential.Token, c.Body, name, digest)
		}
		return fmt.Errorf("%w: there is no header %s", ErrNotProven, headers[0])
	}
}

func hashes(algorithm string) (func() hash.Hash, bool) {
	switch algorithm {
	case "sha1":
		return sha1.New, true
	case "sha256":
		return sha256.New, true
	case "sha512":
		return sha512.New, true
	default:
		return nil, false
	}
}

func checkMAC(made func() hash.Hash, token, body []byte, header, digest string) error {
	given, err := hex.DecodeString(digest)
	if err != nil {
		return fmt.Errorf("%w: the signature in %s is not hexadecimal", ErrNotProven, header)
	}
	mac := hmac.New(made, token)
	_, _ = mac.Write(body) // a hash takes everything
	if !hmac.Equal(given, mac.Sum(nil)) {
		return fmt.Errorf("%w: the signature in %s is not that of the body", ErrNotProven, header)
	}
	return nil
}

// decode reads a JSON payload into a struct; fields that it does not have are of no interest.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: it is not the JSON that this type sends: %w", ErrPayload, err)
	}
	return nil
}

// nameless reads nothing but the event's name from a header; without one there is none.
func nameless(header string) func(Call) (Notice, error) {
	return func(c Call) (Notice, error) {
		if header == "" {
			return Notice{}, nil
		}
		return Notice{Event: c.Header.Get(header)}, nil
	}
}
