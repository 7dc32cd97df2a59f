// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package screen

import (
	"os"
	"os/signal"
	"syscall"
)

// Resized tells when a terminal's size changes, until stop is called.
func Resized() (changes <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}
