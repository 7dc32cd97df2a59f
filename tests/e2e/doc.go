// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests Tidemark as people meet it: programs with flags, manifests, a registry, a Git server. Each scenario
// has a world of its own, and runs against one process and against three where it makes a difference. What one service
// does by itself is tested beside its code.
package e2e
