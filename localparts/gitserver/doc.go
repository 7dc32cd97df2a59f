// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package gitserver runs a real Git server over HTTP on a loopback port: git's own http-backend, so that what
// is tried against it is tried against Git; and over SSH as well, where that is asked for. The demo and the tests use it, together with the plumbing they
// need to set a repository up and to look at what arrived in it.
//
// It is not for serving anybody else: it has one user at most, and every repository under its folder is
// writable to that user. It reads no configuration of the user or the machine.
package gitserver
