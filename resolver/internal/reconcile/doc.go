// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package reconcile keeps the status of each policy what it has to be: the best of the tags that the scanner has found.
//
// A policy is evaluated when its spec changes, when it is suspended no longer, when its repository's tags, existence or
// leave change, when it is held or released and when a hold ends, when the next tag comes of age, and, with digest reflection
// Always, every interval. What comes out is written only where it differs from
// what is stored, and never over what was computed from later tags or a later spec. On a failure the last answer stays
// beside the condition that tells of the failure.
//
// While an operator holds a policy its answer is the held tag: nothing is selected, and neither new tags nor a new spec
// change it. What a policy with a minimum age has to remember of digests is stored before the answer that rests on it.
//
// It orders no tags (packages policy and selection) and follows no scanner (package follow).
package reconcile
