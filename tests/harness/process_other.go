// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package harness

import "syscall"

// dieWithParent is for systems that cannot do it: a killed test may leave processes.
func dieWithParent() *syscall.SysProcAttr { return nil }
