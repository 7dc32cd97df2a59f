// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package budget decides when a request may be sent to a registry's host. There is one budget per host and credential:
//
//   - So many requests are under way at once (in this process), and those that wait take turns by repository: a listing
//     of a hundred pages is a hundred requests, and between two of them every other repository that waits has one.
//   - A host that asks for a pause (429, or 503 with Retry-After), or whose RateLimit headers say that nothing is left, is
//     left alone until then, by all replicas: pauses are shared through the store.
//   - Towards the end of what RateLimit headers leave, requests are spread over the rest of the window.
//   - A host that fails so many times in a row (no connection, no answer, 5xx) is down: one request in a while finds out
//     whether it is back. That is each replica's own view, for its network may be what is broken.
//
// Nothing here sends a request, repeats one or knows what one is about; package registry asks before each, and tells what
// came of it. A budget never waits for the store.
package budget
