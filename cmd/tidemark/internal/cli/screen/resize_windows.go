// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

//go:build windows

package screen

import "os"

// Resized would tell when a terminal's size changes; here nobody says so, and the next drawing finds out.
func Resized() (changes <-chan os.Signal, stop func()) { return nil, func() {} }
