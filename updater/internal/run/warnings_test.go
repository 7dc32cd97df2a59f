// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"fmt"
	"strings"
	"testing"
)

func TestWarningsAreBoundedAndTheRestIsCounted(t *testing.T) {
	for _, test := range []struct {
		added, skipped int
		last           string
	}{
		{3, 0, "warning 2"}, {50, 0, "warning 49"}, {51, 0, "and 2 more"}, {1000, 0, "and 951 more"}, {3, 5, "and 5 more"}, {50, 1, "and 2 more"},
	} {
		var w warnings
		for i := range test.added {
			w.add("warning %d", i)
		}
		w.more += test.skipped
		got := w.bounded()
		if len(got) > maxWarnings || got[len(got)-1] != test.last {
			t.Errorf("%d and %d more: %d, the last %q, want %q", test.added, test.skipped, len(got), got[len(got)-1], test.last)
		}
	}
	var w warnings
	w.add("%s", strings.Repeat("ü\xff", 1000))
	if got := w.bounded()[0]; len(got) > maxWarning+len("…") || strings.ToValidUTF8(got, "") != got {
		t.Errorf("a long warning has %d bytes: %s", len(got), fmt.Sprintf("%.40q", got))
	}
}
