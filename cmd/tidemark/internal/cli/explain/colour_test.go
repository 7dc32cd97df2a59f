// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

func TestVerdictsAreColoured(t *testing.T) {
	var out strings.Builder
	rows := [][]string{{"SELECTED", "2", "best"}, {"ELIGIBLE", "1", "older"}, {"OUT_OF_RANGE", "3", "too high"}}
	if err := table.New(&painter{out: &out}, []string{"VERDICT", "TAG", "REASON"}, false).Write(rows); err != nil {
		t.Fatal(err)
	}
	want := "VERDICT     \tTAG\tREASON\n" +
		terminal.Green.Paint("SELECTED") + "    \t2  \tbest\n" +
		"ELIGIBLE    \t1  \tolder\n" +
		terminal.Yellow.Paint("OUT_OF_RANGE") + "\t3  \ttoo high\n"
	if out.String() != want {
		t.Errorf("wrote %q\nwant  %q", out.String(), want)
	}
}
