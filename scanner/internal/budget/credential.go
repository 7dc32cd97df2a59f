// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Anonymous is the name of no credential.
const Anonymous = "anonymous"

// Credential names a credential, all of whose parts are given, in 12 hex digits; no parts, or empty ones: Anonymous. The
// names are the same in all replicas once Open has been called, and worth nothing to who has not the store's key, who could
// try passwords otherwise.
func (h *Hosts) Credential(parts ...string) string {
	mac := hmac.New(sha256.New, []byte(*h.fingerprint.Load()))
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
