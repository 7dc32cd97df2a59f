// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync/atomic"
)

// Anonymous is the name of no credential.
const Anonymous = "anonymous"

// fingerprint makes names of credentials: the same in all replicas, and worth nothing to who has not the store's key, who
// could try passwords otherwise.
type fingerprint struct{ key *atomic.Pointer[string] }

func newFingerprint() fingerprint {
	f := fingerprint{key: &atomic.Pointer[string]{}}
	own := rand.Text()
	f.key.Store(&own)
	return f
}

// Credential names a credential, all of whose parts are given, in 12 hex digits; no parts, or empty ones: Anonymous. Until
// Open has been called the names are this process's own.
func (h *Hosts) Credential(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(*h.fingerprint.key.Load()))
	empty := true
	for _, part := range parts {
		empty = empty && part == ""
		// A hash never fails to be written to.
		_, _ = fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	if empty {
		return Anonymous
	}
	return hex.EncodeToString(mac.Sum(nil)[:6])
}
