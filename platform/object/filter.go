// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"crypto/sha256"
	"encoding/binary"

	"k8s.io/apimachinery/pkg/labels"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// matcher is a parsed filter.
type matcher struct {
	namespace string
	selector  labels.Selector
}

func newMatcher(f Filter) (matcher, error) {
	selector, err := labels.Parse(f.LabelSelector)
	if err != nil {
		return matcher{}, rpcerr.Field("label_selector", "is no label selector: "+err.Error())
	}
	return matcher{namespace: f.Namespace, selector: selector}, nil
}

// inNamespace says whether an object of that key can match, whatever its labels.
func (m matcher) inNamespace(key Key) bool { return m.namespace == "" || m.namespace == key.Namespace }

func (m matcher) matches(meta *metav1.ObjectMeta) bool {
	return m.inNamespace(KeyOfMeta(meta)) && m.selector.Matches(labels.Set(meta.GetLabels()))
}

// hash is equal for filters of one kind that mean the same, however their selectors are written.
func (m matcher) hash(plural string) uint64 {
	sum := sha256.Sum256([]byte(plural + "\x00" + m.namespace + "\x00" + m.selector.String()))
	return binary.BigEndian.Uint64(sum[:])
}
