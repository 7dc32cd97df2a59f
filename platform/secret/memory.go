// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"context"
	"errors"
	"strconv"
	"sync"
)

// Memory holds the secrets that were set. The zero value is empty and ready; it is safe for concurrent use.
type Memory struct {
	mu      sync.RWMutex
	secrets map[[2]string]remembered
	version uint64
}

type remembered struct {
	secret  Secret
	version uint64
}

// Set stores a copy of s. Content that is there already keeps its version.
func (m *Memory) Set(namespace, name string, s Secret) error {
	if err := checkName(namespace, name); err != nil {
		return err
	}
	if err := checkSize(s); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]string{namespace, name}
	if old, ok := m.secrets[key]; ok && old.secret.equal(s) {
		return nil
	}
	if m.secrets == nil {
		m.secrets = make(map[[2]string]remembered)
	}
	m.version++
	m.secrets[key] = remembered{secret: s.clone(), version: m.version}
	return nil
}

// Delete forgets a secret; one that is not there is no error.
func (m *Memory) Delete(namespace, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.secrets, [2]string{namespace, name})
}

// Get implements [Source].
func (m *Memory) Get(_ context.Context, namespace, name string) (Secret, string, error) {
	if err := checkName(namespace, name); err != nil {
		return nil, "", err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.secrets[[2]string{namespace, name}]
	if !ok {
		return nil, "", notFound(namespace, name)
	}
	return r.secret.clone(), strconv.FormatUint(r.version, 10), nil
}

func checkSize(s Secret) error {
	size := 0
	for key, value := range s {
		size += len(key) + len(value)
	}
	if size > MaxSize || len(s) > MaxKeys {
		return ErrTooLarge
	}
	return nil
}

// Layered asks the sources in turn; the first that has the secret answers. A failure other than ErrNotFound ends the
// search, so that a source that cannot be read never lets an older secret shine through.
func Layered(sources ...Source) Source { return layered(sources) }

type layered []Source

func (l layered) Get(ctx context.Context, namespace, name string) (Secret, string, error) {
	if err := checkName(namespace, name); err != nil {
		return nil, "", err
	}
	for i, source := range l {
		s, version, err := source.Get(ctx, namespace, name)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, "", err // a source's error says where it looked
		}
		return s, strconv.Itoa(i) + ":" + version, nil
	}
	return nil, "", notFound(namespace, name)
}
