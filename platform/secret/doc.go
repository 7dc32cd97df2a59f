// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package secret reads credentials from where an operator put them: a folder of files for each secret, as Kubernetes
// mounts them, or memory. Secrets are named by namespace and name; names are checked before they touch a file system,
// and nothing outside a secret's own folder is ever read.
//
// It stores nothing, and its values do not print: a [Secret] in a log line or an error is "[redacted]".
package secret
