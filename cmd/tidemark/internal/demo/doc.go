// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package demo shows the main job on loopback, with real parts: a registry, a Git server and the three services in one
// process. It tells each thing as it is seen, fails when something is not seen, and leaves nothing behind. It is a
// story for people, and no place to test corner cases. Its two parts, and the pushing of images, can also be had one by
// one, for a tutorial on a machine that has neither a registry nor a Git server.
package demo
