// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"

	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// Set is all that was read from one file, folder or stream, in the order of files and lines.
type Set struct {
	// Objects are the documents that were read whole; one with an error is not here.
	Objects []*Object
	// Errors are the mistakes found, at most ten of one document.
	Errors []*Error
	// Warnings are about documents and fields that have no effect here.
	Warnings []*Warning
	// Skipped counts the documents of other kinds, by kind; "" counts those without one.
	Skipped map[string]int
	// Secrets are the v1/Secret documents, if Options.Secrets.
	Secrets []*Secret
	// Namespaces are the v1/Namespace documents, if Options.Namespaces.
	Namespaces []*Namespace
}

// Err is all errors joined; nil if there are none.
func (s *Set) Err() error {
	all := make([]error, len(s.Errors))
	for i, e := range s.Errors {
		all[i] = e
	}
	return errors.Join(all...)
}

// MayHold says whether the object is in the set, or could be in a document or file that could not be read. Only when it
// is false has an object that used to be there been removed by somebody.
func (s *Set) MayHold(kind, namespace, name string) bool {
	for _, e := range s.Errors {
		sameKind := e.Kind == "" || e.Kind == kind
		if e.Name == "" || (sameKind && e.Namespace == namespace && e.Name == name) {
			return true
		}
	}
	for _, o := range s.Objects {
		if o.Kind == kind && o.Namespace == namespace && o.Name == name {
			return true
		}
	}
	return false
}

// Object is one document that was read.
type Object struct {
	// Message is the object, of one of the types given to NewCodec, with metadata (name, namespace, labels, annotations)
	// and spec.
	Message proto.Message
	// APIVersion and Kind as written.
	APIVersion, Kind string
	// Namespace (filled in where the document names none) and Name.
	Namespace, Name string
	// File and Line (from 1) where the document begins.
	File string
	Line int
	// Warnings about this document; they are in Set.Warnings too.
	Warnings []*Warning

	source    *source
	positions map[string]position
}

// Metadata is the message's metadata, never nil.
func (o *Object) Metadata() *metav1.ObjectMeta {
	if m, ok := o.Message.(interface{ GetMetadata() *metav1.ObjectMeta }); ok {
		return m.GetMetadata()
	}
	return &metav1.ObjectMeta{Name: o.Name, Namespace: o.Namespace}
}

// Secret is a v1/Secret document. It prints without its data, whatever the verb.
type Secret struct {
	Namespace, Name string
	// Data is `data`, decoded, with `stringData` over it.
	Data map[string][]byte
	File string
	Line int
}

// Namespace is a v1/Namespace document.
type Namespace struct {
	Name   string
	Labels map[string]string
	File   string
	Line   int
}
