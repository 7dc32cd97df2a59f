// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import "cmp"

// DefaultNamespace is the namespace of an object that does not name one.
const DefaultNamespace = "flux-system"

// The bounds within one document; a real manifest stays far below.
const (
	maxDepth          = 64       // mappings and lists in one another
	maxNodes          = 500_000  // values, aliases and merge keys written out; a file's documents share it
	maxDocuments      = 20_000   // in a file
	maxErrors         = 10       // reported of one document
	maxFileErrors     = 1_000    // reported of one file
	maxLine           = 4 << 10  // bytes of a line that an error keeps whole
	maxLongLines      = 64 << 20 // characters of long lines in which the places of a file's errors are looked for
	maxWord           = 64       // bytes of a duration or a time
	aliasedBytes      = 4        // times the size of the file: what its texts may come to, aliases written out
	maxMerges         = 8        // merge keys in one another
	maxSecretBytes    = 1 << 20  // as Kubernetes has it
	maxFolderEntries  = 200_000  // names looked at, manifests or not
	maxFolderDepth    = 32
	defaultFileBytes  = 4 << 20
	defaultTotalBytes = 64 << 20
	defaultFiles      = 10_000
)

// Options say what is read and how much of it. The zero value is good.
type Options struct {
	// Namespace is given to objects that name none. Empty: DefaultNamespace.
	Namespace string
	// Secrets says that v1/Secret documents are read into Set.Secrets. False: they are skipped with a warning.
	Secrets bool
	// Namespaces says that v1/Namespace documents are read into Set.Namespaces. False: they are skipped and counted.
	Namespaces bool
	// MaxFileBytes bounds one file; a larger one is an error. Zero: 4 MiB.
	MaxFileBytes int64
	// MaxTotalBytes bounds all files of a folder together. Zero: 64 MiB.
	MaxTotalBytes int64
	// MaxFiles bounds the manifests of a folder. Zero: 10,000.
	MaxFiles int
}

func (o Options) withDefaults() Options {
	o.Namespace = cmp.Or(o.Namespace, DefaultNamespace)
	o.MaxFileBytes = cmp.Or(o.MaxFileBytes, defaultFileBytes)
	o.MaxTotalBytes = cmp.Or(o.MaxTotalBytes, defaultTotalBytes)
	o.MaxFiles = cmp.Or(o.MaxFiles, defaultFiles)
	return o
}
