// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"errors"
	"fmt"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// ErrAccessDenied says that an object may not be referred to from a namespace.
var ErrAccessDenied = errors.New("access denied")

// CheckAccess says whether a policy of the namespace, which has the labels, may refer to the repository: one of the same
// namespace always, another one where spec.accessFrom has a selector whose labels it has, all of them. Empty: the
// repository's own. The error is ErrAccessDenied and says what to change.
func CheckAccess(repository *scannerv1.ImageRepository, namespace string, labels func(namespace string) map[string]string) error {
	key := object.KeyOfMeta(repository.GetMetadata())
	if namespace == "" || namespace == key.Namespace {
		return nil
	}
	selectors := repository.GetSpec().GetAccessFrom().GetNamespaceSelectors()
	if len(selectors) == 0 {
		return fmt.Errorf("%w: ImageRepository %s may be referred to from its own namespace alone; "+
			"to let namespace '%s' do so, set spec.accessFrom", ErrAccessDenied, key, namespace)
	}
	has := labels(namespace)
	for _, selector := range selectors {
		if matches(selector.GetMatchLabels(), has) {
			return nil
		}
	}
	return fmt.Errorf("%w: no selector in spec.accessFrom of ImageRepository %s matches the labels of namespace '%s'",
		ErrAccessDenied, key, namespace)
}

func matches(wanted, has map[string]string) bool {
	for label, value := range wanted {
		if got, ok := has[label]; !ok || got != value {
			return false
		}
	}
	return true
}
