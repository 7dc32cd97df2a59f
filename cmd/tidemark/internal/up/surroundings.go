// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"log/slog"

	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/namespace"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// surroundings are the manifests that are no stored objects: secrets, which stay in memory and are never logged, and
// namespaces' labels. One goroutine uses it.
type surroundings struct {
	secrets    *secret.Memory
	namespaces *namespace.Labels
	log        *slog.Logger

	held map[[2]string]bool // the secrets that the last set brought
}

// accept takes over what the set has, and forgets what only an earlier one had. While a file cannot be read nothing is
// forgotten: it may be in there.
func (s *surroundings) accept(set *manifest.Set) {
	held := map[[2]string]bool{}
	for _, one := range set.Secrets {
		if err := s.secrets.Set(one.Namespace, one.Name, one.Data); err != nil {
			s.log.Error("a secret is not taken", "file", one.File, "line", one.Line, "error", err)
			continue
		}
		held[[2]string{one.Namespace, one.Name}] = true
	}
	for key := range s.held {
		switch {
		case held[key]:
		case len(set.Errors) > 0:
			held[key] = true
		default:
			s.secrets.Delete(key[0], key[1])
		}
	}
	s.held = held
	labels := map[string]map[string]string{}
	for _, one := range set.Namespaces {
		labels[one.Name] = one.Labels
	}
	if len(set.Errors) == 0 {
		s.namespaces.Replace(labels)
	}
}
