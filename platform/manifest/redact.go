// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// String names the secret and nothing of what it holds.
func (s *Secret) String() string {
	return fmt.Sprintf("Secret %s/%s (%d keys, redacted)", s.Namespace, s.Name, len(s.Data))
}

// Format keeps every verb, `%#v` among them, from printing the data.
func (s *Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue keeps the data out of logs.
func (s *Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON keeps the data out of JSON.
func (s *Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }
