// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package scanning measures the scanner: how many repositories it scans in a second, against a plain loop and against bare
// HTTP requests over the same registry; and how many bytes a tag costs, in the store and in the process. What the
// scanner answers is for its own tests to prove.
package scanning
