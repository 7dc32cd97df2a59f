// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

const (
	// maxWarnings is how many warnings a run and a status have at most.
	maxWarnings = 50
	// maxWarning bounds one of them, and a value in a record, in bytes.
	maxWarning = 500
)

// warnings are what a run left alone, in the order of files and lines.
type warnings struct {
	list []string
	more int
}

func (w *warnings) add(format string, args ...any) {
	if len(w.list) >= maxWarnings {
		w.more++
		return
	}
	w.list = append(w.list, bounded(fmt.Sprintf(format, args...)))
}

// bounded is the list with a count of the rest in its last place, if there is a rest.
func (w *warnings) bounded() []string {
	if w.more <= 0 {
		return w.list
	}
	kept := w.list[:min(len(w.list), maxWarnings-1)]
	return append(kept[:len(kept):len(kept)], fmt.Sprintf("and %d more", w.more+len(w.list)-len(kept)))
}

// bounded cuts a text, which is also made valid: protobuf takes nothing else.
func bounded(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxWarning {
		return text
	}
	return strings.ToValidUTF8(text[:maxWarning], "") + "…"
}

func labelSet(m map[string]string) labels.Set { return m }
