// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"regexp"
)

var (
	// ErrNotFound says that there is no such secret; there may be later.
	ErrNotFound = errors.New("secret not found")
	// ErrInvalidName says that the namespace or name is none that a secret can have.
	ErrInvalidName = errors.New("invalid secret name")
	// ErrTooLarge says that the secret has more than 1 MiB or 256 keys.
	ErrTooLarge = errors.New("secret is too large")
)

// The limits of a secret: Kubernetes' own for the size, in bytes, of all keys and values together.
const (
	MaxSize = 1 << 20
	MaxKeys = 256
)

const redacted = "[redacted]"

// Secret is a secret's keys and values. It does not print; but fmt cannot ask a value that hides in an unexported field,
// so print no struct that has one.
type Secret map[string][]byte

// Source finds secrets.
type Source interface {
	// Get returns the secret, which is the caller's to keep, and its version: a word that changes when the content
	// does, tells nothing of it, and means something within this process only. Errors are ErrNotFound, ErrInvalidName,
	// ErrTooLarge, or the file system's.
	Get(ctx context.Context, namespace, name string) (s Secret, version string, err error)
}

// String is always "[redacted]".
func (Secret) String() string { return redacted }

// Format is "[redacted]" for every verb that means something for a map.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is "[redacted]"; JSON and YAML use it.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (s Secret) clone() Secret {
	c := make(Secret, len(s))
	for key, value := range s {
		c[key] = bytes.Clone(value)
	}
	return c
}

func (s Secret) equal(other Secret) bool { return maps.EqualFunc(s, other, bytes.Equal) }

var (
	labels  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	keyName = regexp.MustCompile(`^[-._a-zA-Z0-9]+$`)
)

// checkName lets DNS names through: no slash, no "..", nothing hidden.
func checkName(namespace, name string) error {
	for what, word := range map[string]string{"namespace": namespace, "name": name} {
		if len(word) > 253 || !labels.MatchString(word) {
			return fmt.Errorf("%w: %s %.260q is no DNS name", ErrInvalidName, what, word)
		}
	}
	return nil
}

func notFound(namespace, name string) error {
	return fmt.Errorf("%w: %s/%s", ErrNotFound, namespace, name)
}
