// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package tags reads the stored tag sets for those who ask: a page of one, one tag of one, or what has changed since a
// revision. It says who may, too (accessFrom). It asks no registry itself
// and writes nothing.
package tags
