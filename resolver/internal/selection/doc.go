// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package selection picks the best tag that is also old enough, offers the platforms and has the labels that a policy asks
// for; and orders by times that no index knows. What costs nothing is asked of package policy, what costs requests of
// package facts: the best candidate first, until one passes, and of at most MaxInspect of them.
//
// It stores nothing; what has to be remembered from one selection to the next is the caller's to keep (Memory).
package selection
