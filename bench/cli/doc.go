// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package cli measures how long people and scripts wait for the command line: the start of the program, and a question to
// services that are running, each as a process from its start to its end.
package cli
