// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"strings"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// References are the secrets that a repository's credentials, certificates and proxy are in; nil: it has none.
func References(repository *scannerv1.ImageRepository) []object.Key {
	spec := repository.GetSpec()
	var keys []object.Key
	for _, ref := range []*metav1.LocalObjectReference{spec.GetSecretRef(), spec.GetCertSecretRef(), spec.GetProxySecretRef()} {
		if ref != nil {
			keys = append(keys, object.KeyOf(repository.GetMetadata().GetNamespace(), ref.GetName()))
		}
	}
	return keys
}

// Versions are those of secrets at one time: each is read once, however many repositories refer to it. They are not safe for
// concurrent use.
type Versions struct {
	secrets secret.Source
	read    map[object.Key]string
}

// Versions begins to read versions as they are now.
func (s *Source) Versions() *Versions {
	return &Versions{secrets: s.Secrets, read: map[object.Key]string{}}
}

// Of is a word that changes when one of the secrets does, appears, vanishes or becomes unreadable; empty for no secrets. It
// means something within this process only. The error is the context's.
func (v *Versions) Of(ctx context.Context, keys []object.Key) (string, error) {
	var all strings.Builder
	for _, key := range keys {
		version, known := v.read[key]
		if !known {
			var err error
			_, version, err = v.secrets.Get(ctx, key.Namespace, key.Name)
			switch {
			case ctx.Err() != nil:
				return "", ctx.Err()
			case errors.Is(err, secret.ErrNotFound):
				version = "-"
			case err != nil:
				version = "!" // why is for who needs it to say
			}
			v.read[key] = version
		}
		all.WriteString(version)
		all.WriteByte('\n')
	}
	return all.String(), nil
}
