// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package marker finds image policy markers in YAML files and edits the marked
// values, changing no other byte.
//
// A marker is a comment that is wholly a JSON object with the key
// "$imagepolicy". It stands on the same line as a scalar value, or on the line
// directly above it:
//
//	image: ghcr.io/a/b:1.0.0 # {"$imagepolicy": "flux-system:b"}
//	newTag: 1.0.0 # {"$imagepolicy": "flux-system:b:tag"}
//	# {"$imagepolicy": "flux-system:b:digest"}
//	digest: sha256:…
//
// Two readers work on a file and share no code. The one of this package
// knows the byte span of every scalar, and edits. The other, go.yaml.in/yaml/v3,
// knows no byte offsets; it reads the file before and after the edit and must
// find the same documents as the first reader, with exactly the intended values
// changed. When the two disagree in anything the file is left as it is and an
// error says so: so whatever this package's reader gets wrong cannot reach a
// repository.
//
// The package knows no Git, no network and no policies: a caller's function
// says which image belongs to a marker. It does not resolve aliases, decodes
// into no Go values, and follows no links. All its input is taken to be
// hostile: size, depth, number of nodes and of markers are bounded.
package marker
