// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package registry asks container registries two things: which tags a
// repository has, and which digest a tag stands for. It knows image names,
// docker credentials and the exclusion of tags, and turns everything that goes
// wrong into a sentence and a sentinel error.
//
// A registry is not trusted: what it sends is bounded in size and number, its
// links and redirects are followed only where they may lead, and a listing
// that broke off is an error and never a shorter listing. Nothing is retried
// here: whoever asks knows the budget of the host.
//
// It keeps no tags (package tagset does) and schedules nothing.
package registry
