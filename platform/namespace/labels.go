// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package namespace knows the labels of namespaces. A namespace is a name that objects carry; nothing creates or deletes
// one, and one that nobody gave labels has its name as its only label.
package namespace

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"

	"go.yaml.in/yaml/v3"
)

// NameLabel is the label that every namespace has; its value is the namespace's name.
const NameLabel = "kubernetes.io/metadata.name"

// maxFile bounds the file of labels, in bytes.
const maxFile = 4 << 20

// Labels are the labels of all namespaces. The zero value knows none but NameLabel. It is safe for concurrent use.
type Labels struct {
	mu    sync.RWMutex
	file  map[string]map[string]string
	extra map[string]map[string]string
}

// Read makes the labels that a YAML file has: namespace, label, value. An empty path: none. Errors name the file and the
// line.
func Read(path string) (*Labels, error) {
	if path == "" {
		return &Labels{}, nil
	}
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("--namespace-labels: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	labels := &Labels{}
	if err := yaml.NewDecoder(io.LimitReader(file, maxFile)).Decode(&labels.file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("--namespace-labels: %s: %w", path, err)
	}
	return labels, nil
}

// Of returns a namespace's labels, which the caller may change.
func (l *Labels) Of(namespace string) map[string]string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := map[string]string{}
	maps.Copy(all, l.file[namespace])
	maps.Copy(all, l.extra[namespace])
	all[NameLabel] = namespace
	return all
}

// Replace sets the labels that come from elsewhere than the file, namespace by namespace; they win over the file's.
func (l *Labels) Replace(extra map[string]map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.extra = extra
}
