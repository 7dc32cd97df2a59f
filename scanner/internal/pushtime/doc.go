// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package pushtime asks registries when tags were pushed. The distribution protocol has no word for that, so each kind of
// registry is asked through its own API: Docker Hub, Quay, Harbor and Amazon ECR. What kind a registry is is told by its
// host's name, or by a list for those under names of their own. Of any other registry nothing is told, which is no error.
//
// Docker Hub and Quay are asked as anybody would, for their APIs take none of a registry's credentials; Harbor is asked
// with the registry's own, which stay on its host; ECR with the process's identity at Amazon, where the repository is one
// that uses it.
//
// The answers are not trusted: they are bounded in size and number.
package pushtime
