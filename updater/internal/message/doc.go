// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package message renders the commit message of an automation from its
// template. Templates are Go's text/template with those functions of sprig that
// answer the same each time, and see the fields of Flux's templates, the present
// ones (.Changed, .Values) and the older ones (.Updated).
//
// A template comes from outside and may be hostile: the length of its text and
// output, the number of its steps, the size of every value it builds and the work
// of all its functions together are bounded, by counting and not by the clock, so
// that a template that fails does so each time. The package knows no Git and
// no automations' specs.
package message
