// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package lifecycle runs the parts of a program together: started at once, stopped in the reverse of the order in which
// they were added, the first error stopping all, a panic being an error like any other.
//
// It starts no process, restarts nothing, and knows nothing of what runs.
package lifecycle
