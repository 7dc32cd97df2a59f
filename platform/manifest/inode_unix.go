// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package manifest

import (
	"io/fs"
	"syscall"
)

// inode tells a file that was put in another's place from that one; zero where the file system has none.
func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino) //nolint:unconvert // Narrower on some systems.
	}
	return 0
}
