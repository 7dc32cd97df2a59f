// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package manifests tests the codec of manifests on objects made at random from the contracts and their rules, against
// Flux's own schemas, with the validator of a Kubernetes API server. It is a module of its own, outside of go.work, so that
// Kubernetes never moves a service's dependencies: `GOWORK=off go test ./...` in this folder. It holds tests only.
package manifests
