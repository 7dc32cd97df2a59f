// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package gitrepo

import "os"

// lockFile opens the lock file only: a service runs on Unix, elsewhere just the CLI's offline verbs do.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
