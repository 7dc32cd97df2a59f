// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker

import "path"

// Key is the JSON key that makes a comment a marker.
const Key = "$imagepolicy"

// LookVersion names what Candidate and Mentions look for. Who remembers their
// answers asks again when it is another one.
const LookVersion = Key + " 2"

// Marker is one marked scalar value of a file.
type Marker struct {
	Ref
	// Document counts the documents of the file, from 0.
	Document int
	// Path is the way to the value from the document's root, as in
	// spec.containers[0].image; keys that are no plain words are quoted in
	// brackets, as in metadata.annotations["a.b/c"], and for a key that is no
	// scalar stands its number in the mapping, as in [?0]. Empty: the root itself.
	//
	// Document and Path together name a value of the file: no two markers of a
	// file share them (a value below a key that occurs twice is no marker but a
	// Problem), an edit leaves them as they are, and so do comments, blank lines,
	// indentation and quotes. They change when somebody moves the value: puts
	// items or documents before its own, or renames a key above it.
	Path string
	// Line and Column say where the value begins: from 1, the column in characters.
	Line, Column int
	// Value is the scalar's value as a YAML reader sees it; of a block scalar
	// its only line, without the line break.
	Value string
	// Object is the Kubernetes object that the value is in: the document, or the
	// item of a list. All fields are empty where the file does not say.
	Object ObjectID
}

// ObjectID names a Kubernetes object.
type ObjectID struct {
	APIVersion, Kind, Namespace, Name string
}

// Options bounds the work on one file. A zero field means its default.
type Options struct {
	// MaxBytes is the size of the largest file that is read, 8 MiB by default.
	MaxBytes int
	// MaxMarkers is the number of markers, readable or not, that a file may
	// have, 10,000 by default.
	MaxMarkers int
	// MaxNodes is the number of YAML nodes that a document may have, 400,000 by
	// default; a file of several may have twice as many. Manifests have about
	// 80,000 in a megabyte.
	MaxNodes int
	// Trusted says that Find or Edit has read these very bytes without an error, or
	// that Edit has returned them. Edit then reads the file with the second reader
	// once, after the edit, and not twice; the result must be what the first reader
	// saw, with the intended changes. If nothing changes the second is not asked.
	Trusted bool
}

const (
	defaultMaxBytes   = 8 << 20
	defaultMaxMarkers = 10_000
	defaultMaxNodes   = 400_000
	// maxDepth bounds the nesting of collections. OpenAPI schemas in custom
	// resource definitions reach about 60.
	maxDepth = 500
	// maxDocuments is the number of documents that a file may have.
	maxDocuments = 100_000
	// maxOffset keeps every offset within 32 bits.
	maxOffset = 1 << 30
)

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.MaxBytes = min(o.MaxBytes, maxOffset)
	if o.MaxMarkers <= 0 {
		o.MaxMarkers = defaultMaxMarkers
	}
	if o.MaxNodes <= 0 {
		o.MaxNodes = defaultMaxNodes
	}
	o.MaxNodes = min(o.MaxNodes, maxOffset)
	return o
}

// Candidate reports whether a file of this name may hold markers: its
// extension is .yaml or .yml, or its name is Kustomization. The path has slashes.
func Candidate(file string) bool {
	switch path.Ext(file) {
	case ".yaml", ".yml":
		return true
	}
	return path.Base(file) == "Kustomization"
}
