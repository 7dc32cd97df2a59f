// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// nameOf is a verdict as the table shows it.
func nameOf(verdict resolverv1.Verdict) string {
	return strings.TrimPrefix(verdict.String(), "VERDICT_")
}

// colourOf is a verdict's colour; empty: the terminal's own.
func colourOf(name string) terminal.Colour {
	switch resolverv1.Verdict(resolverv1.Verdict_value["VERDICT_"+name]) {
	case resolverv1.Verdict_VERDICT_SELECTED:
		return terminal.Green
	case resolverv1.Verdict_VERDICT_UNEXAMINED, resolverv1.Verdict_VERDICT_EXCLUDED, resolverv1.Verdict_VERDICT_FILTERED:
		return terminal.Faint
	case resolverv1.Verdict_VERDICT_UNPARSABLE, resolverv1.Verdict_VERDICT_OUT_OF_RANGE, resolverv1.Verdict_VERDICT_TOO_YOUNG:
		return terminal.Yellow
	case resolverv1.Verdict_VERDICT_PLATFORM_MISSING, resolverv1.Verdict_VERDICT_LABEL_MISMATCH, resolverv1.Verdict_VERDICT_UNKNOWN:
		return terminal.Red
	case resolverv1.Verdict_VERDICT_UNSPECIFIED, resolverv1.Verdict_VERDICT_ELIGIBLE:
	}
	return ""
}

// painter paints the verdict that a line begins with. The table writes a line at a time.
type painter struct{ out io.Writer }

// Write implements io.Writer.
func (p *painter) Write(line []byte) (int, error) {
	name, rest := line, []byte(nil)
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		name, rest = line[:i], line[i:]
	}
	text := colourOf(string(name)).Paint(string(name)) + string(rest)
	if _, err := io.WriteString(p.out, text); err != nil {
		return 0, fmt.Errorf("write a line: %w", err)
	}
	return len(line), nil
}
