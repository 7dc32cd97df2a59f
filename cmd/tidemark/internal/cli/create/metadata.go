// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package create

import (
	"fmt"
	"regexp"
	"strings"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

const (
	maxName      = 253
	maxNamespace = 63
)

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// metadata is the object's, of the arguments and of the flags that all nouns have.
func (v *verb) metadata(name string) (*metav1.ObjectMeta, error) {
	if len(name) > maxName || !dnsName.MatchString(name) {
		return nil, fmt.Errorf("name '%s' is invalid, it should adhere to standard defined in RFC 1123, "+
			"the name can only contain lower-case alphanumeric characters, '-' and '.'", name)
	}
	if len(v.namespace) > maxNamespace || !dnsLabel.MatchString(v.namespace) {
		return nil, fmt.Errorf("namespace '%s' is invalid, it can only contain lower-case alphanumeric characters and '-'", v.namespace)
	}
	labels, err := parseLabels(v.labels)
	if err != nil {
		return nil, err
	}
	return &metav1.ObjectMeta{Name: name, Namespace: v.namespace, Labels: labels}, nil
}

var (
	labelKey   = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

// parseLabels reads `key=value` words, as Kubernetes would take them.
func parseLabels(words []string) (map[string]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	labels := make(map[string]string, len(words))
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("invalid label format '%s', must be key=value", word)
		}
		if !labelKey.MatchString(key) {
			return nil, fmt.Errorf("invalid label key '%s'", key)
		}
		if !labelValue.MatchString(value) {
			return nil, fmt.Errorf("invalid label value '%s' of '%s'", value, key)
		}
		labels[key] = value
	}
	return labels, nil
}
