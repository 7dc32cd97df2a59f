// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package manifest reads Kubernetes manifests into protobuf messages and writes them back, driven by descriptors alone:
// a message with the option `manifest_kind` is a kind, its fields' JSON names are the manifest's names, and the other
// options of tidemark/meta/v1/manifest.proto say how enums and lists are spelled and which fields are known and not
// acted on. Each document stands alone: what is wrong with one is reported with file, line and path, and the rest loads.
//
// Reading is strict and bounded: manifests come from outside. An unknown or doubled field is an error, never a guess;
// status and what a server fills in are dropped; kinds that were not given to NewCodec are skipped and counted.
//
// Writing gives Tidemark's form, which Decode reads back equal, or with ForFlux the one that Flux's custom resources take:
// what is Tidemark's own is left out and told of.
//
// Errors are for the person who wrote the file: Error.Detail has the file, line, column, path, a sentence that says what to
// do, and the line itself with a caret under the place. No line and no value of a v1/Secret is ever in one.
//
// It is not a validator: whether a value makes sense is said by the rules of the proto files, which the services enforce.
// Object.Violation shows such a complaint at its line. It is no YAML editor either: comments and order are not kept.
package manifest
