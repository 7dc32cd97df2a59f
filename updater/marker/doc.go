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
// A comment in the line above stands for the only value that begins in the line
// below it; with a blank line or another comment between them it points nowhere,
// and is reported.
//
// # The proof
//
// Two readers work on a file and share no code. The one of this package
// knows the byte span of every scalar, and edits. The other, go.yaml.in/yaml/v3,
// knows no byte offsets; it reads the file before and after the edit and must
// find the same documents as the first reader, with exactly the intended values
// changed. When the two disagree in anything the file is left as it is and an
// error says so: so whatever this package's reader gets wrong cannot reach a
// repository.
//
// Compared are the kinds of all nodes, the values of scalars, their quoting,
// anchors and tags. Of a file of several documents the edited bytes are read again
// only where something was edited, as documents share nothing. A caller that
// remembers which bytes it has had read before says so with Options.Trusted.
//
// # What is written
//
// A scalar keeps its style: quotes stay quotes, of a block of text the one line is
// replaced. A plain scalar whose new text would be a number, a boolean, a null or
// a time to any reader of YAML 1.1 or 1.2 gets double quotes. Where nothing stands,
// as in "tag: # {…}", a blank and the value are written.
//
// # What is left alone
//
// Files that are no YAML, among them templates that are YAML to the letter
// ({{ where a value begins); files in other encodings than UTF-8; files beyond the
// limits in Options; all as a *FileError. Single markers that cannot be obeyed are
// each a Problem, and the others of the file are obeyed. A marker within a block of
// text is text.
//
// # What the package is not
//
// The package knows no Git, no network and no policies: a caller's function
// says which image belongs to a marker. It does not resolve aliases, decodes
// into no Go values, and follows no links. All its input is taken to be
// hostile: size, depth, number of nodes and of markers are bounded. Nothing is
// shared between calls: any number of files may be edited at once.
package marker
