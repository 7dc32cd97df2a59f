// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package programs builds Tidemark's own programs from the tree that a benchmark runs in, and runs them as processes, so that
// what is measured is what people run. It knows flags that are common to the services, and nothing else of them.
package programs
