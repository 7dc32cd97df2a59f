// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

// generic is anybody who knows the path; the body may be anything.
func generic() protocol { return protocol{prove: knowsPath, read: nameless("")} }
