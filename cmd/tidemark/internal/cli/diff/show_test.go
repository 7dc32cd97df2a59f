// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

func TestTerminalsGetColoursAndNoOrders(t *testing.T) {
	text := "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n \ta\x1b[2J\r\n--- b\n+++ c\n"
	want := terminal.Bold.Paint("diff --git a/x b/x") + "\n" + terminal.Bold.Paint("--- a/x") + "\n" + terminal.Bold.Paint("+++ b/x") + "\n" +
		terminal.Cyan.Paint("@@ -1,2 +1,2 @@") + "\n \ta\ufffd[2J\n" + terminal.Red.Paint("--- b") + "\n" + terminal.Green.Paint("+++ c") + "\n"
	if d := cmp.Diff(want, readable(text, true)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var out strings.Builder
	if err := Show(&out, text, func(string) string { return "" }); err != nil || out.String() != text {
		t.Errorf("to a file: %q, %v; want the diff as it is", out.String(), err)
	}
}
