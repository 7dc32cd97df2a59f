// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"crypto/sha256"
	"encoding/hex"
)

// PathPrefix is what every receiver's path begins with.
const PathPrefix = "/hook/"

// Path is where a receiver is called: Flux's formula, so that callers need not be told anew.
func Path(token []byte, name, namespace string) string {
	sum := sha256.New()
	_, _ = sum.Write(token) // a hash takes everything
	_, _ = sum.Write([]byte(name + namespace))
	return PathPrefix + hex.EncodeToString(sum.Sum(nil))
}
