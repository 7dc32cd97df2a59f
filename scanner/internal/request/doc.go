// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package request keeps what webhooks ask for: that an image repository be scanned. What was accepted is written down
// first, so that it is not lost with the process, and it is told to whichever replica scans the repository:
//
//	<prefix>/scanner/requests/<namespace>/<name>    the trace that the scan belongs to, and who asks (wanted)
//
// The key goes away when a scan that began after it was written has ended, well or not: a scan that failed is tried again
// by package scan. A flood is harmless: while a request waits for its scan to begin, others for the same repository join
// it and write nothing; what arrives during a scan, or soon after one, gathers for one more. A scan that began at once and found nothing new is
// followed by one more as well, as registries tell of a push before they list its tag. See package scan for what a
// scan does.
package request
