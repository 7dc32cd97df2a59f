// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"io"
	"strings"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/reconcile"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// shortest is the shortest beginning of a commit's id that names one.
const shortest = 4

// pick finds the run that has the id, or whose commit begins so.
func pick(runs []*updaterv1.Run, which, name string) (*updaterv1.Run, error) {
	var found []*updaterv1.Run
	for _, run := range runs {
		if run.GetId() == which {
			return run, nil
		}
		if len(which) >= shortest && strings.HasPrefix(run.GetCommit(), strings.ToLower(which)) {
			found = append(found, run)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no recorded run of ImageUpdateAutomation %s has the id or the commit '%s'; `tidemark history image update %s -o wide` shows both",
			name, which, name)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%d runs have a commit that begins with '%s'; give more of it", len(found), which)
}

// full writes all that is known of a run.
func full(out io.Writer, run *updaterv1.Run) error {
	p := &page{out: out}
	p.facts(run)
	if text := strings.TrimSpace(run.GetCommitMessage()); text != "" {
		p.title("commit message")
		for line := range strings.SplitSeq(text, "\n") {
			p.line("    " + line)
		}
	}
	p.changes(run.GetChanges())
	p.held(run.GetHeld())
	if left := reconcile.LeftAlone(run); len(left) > 0 {
		p.title("left alone")
		for _, sentence := range left {
			p.line("    " + sentence)
		}
	}
	if p.err != nil {
		return fmt.Errorf("write the run: %w", p.err)
	}
	return nil
}

// page is what is written, until the first error.
type page struct {
	out io.Writer
	err error
}

func (p *page) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.out, strings.TrimRight(terminal.Clean(text), " "))
	}
}

func (p *page) title(text string) {
	p.line("")
	p.line(text)
}

func (p *page) rows(header []string, rows [][]string) {
	if p.err == nil {
		p.err = table.New(p.out, header, header == nil).Write(rows)
	}
}

// facts are what fits a line each; what a run does not have is left out.
func (p *page) facts(run *updaterv1.Run) {
	when := table.Moment(run.GetStartTime())
	if took := duration(run); took != "" {
		when += ", took " + took
	}
	repeated := ""
	if run.GetRepetitions() > 0 {
		repeated = times(run) + " since " + table.Moment(run.GetFirstStartTime())
	}
	second := ""
	if push := run.GetSecondPush(); push.GetTime() != nil {
		second = push.GetRef() + ", pushed " + table.Moment(push.GetTime())
	} else if push != nil {
		second = push.GetRef() + ", not yet: " + push.GetProblem()
	}
	for _, fact := range [][2]string{
		{"run", run.GetId()},
		{"result", outcomeName(run.GetOutcome())},
		{"", run.GetMessage()},
		{"when", when},
		{"repeated", repeated},
		{"trigger", triggerName(run.GetTrigger())},
		{"repository", run.GetUrl()},
		{"branch", run.GetBranch()},
		{"base", run.GetBase()},
		{"commit", run.GetCommit()},
		{"second push", second},
		{"trace", run.GetTraceId()},
	} {
		if fact[1] != "" {
			p.line(fmt.Sprintf("%-12s %s", fact[0], fact[1]))
		}
	}
}

func (p *page) changes(changes []*updaterv1.RunChange) {
	if len(changes) == 0 {
		return
	}
	p.title("changes")
	rows := make([][]string, len(changes))
	for i, c := range changes {
		rows[i] = []string{fmt.Sprintf("%s:%d", c.GetPath(), c.GetLine()), c.GetSetter(), c.GetOldValue(), c.GetNewValue()}
	}
	p.rows([]string{"FILE:LINE", "MARKER", "OLD", "NEW"}, rows)
}

func (p *page) held(held []*updaterv1.HeldValue) {
	if len(held) == 0 {
		return
	}
	p.title("held")
	rows := make([][]string, len(held))
	for i, h := range held {
		rows[i] = []string{
			fmt.Sprintf("%s:%d", h.GetPath(), h.GetLine()), h.GetSetter(), h.GetValue(), h.GetProposedValue(), reasonName(h.GetReason()),
		}
	}
	p.rows([]string{"FILE:LINE", "MARKER", "VALUE", "POLICY SAYS", "REASON"}, rows)
}

// reasonName is a reason's one word: `reverted`.
func reasonName(reason updaterv1.HoldReason) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(reason.String(), "HOLD_REASON_")), "_", " ")
}
