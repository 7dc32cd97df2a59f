// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
)

// outcomeNames are the outcomes as people write them.
var outcomeNames = map[string]updaterv1.RunOutcome{
	"pushed":     updaterv1.RunOutcome_RUN_OUTCOME_PUSHED,
	"failed":     updaterv1.RunOutcome_RUN_OUTCOME_FAILED,
	"up-to-date": updaterv1.RunOutcome_RUN_OUTCOME_UP_TO_DATE,
	"running":    updaterv1.RunOutcome_RUN_OUTCOME_UNSPECIFIED,
}

func parseOutcomes(words []string) ([]updaterv1.RunOutcome, error) {
	var all []updaterv1.RunOutcome
	for _, word := range words {
		outcome, ok := outcomeNames[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "_", "-")]
		if !ok {
			return nil, fmt.Errorf("--outcome %s: an outcome is %s", word, strings.Join(slices.Sorted(maps.Keys(outcomeNames)), ", "))
		}
		if !slices.Contains(all, outcome) {
			all = append(all, outcome)
		}
	}
	return all, nil
}

func outcomeName(outcome updaterv1.RunOutcome) string {
	for name, each := range outcomeNames {
		if each == outcome {
			return name
		}
	}
	return outcome.String()
}

// triggerName is a trigger's one word: `policy`.
func triggerName(trigger updaterv1.RunTrigger) string {
	return strings.ToLower(strings.TrimPrefix(trigger.String(), "RUN_TRIGGER_"))
}

// rowsOf is the table of runs.
func rowsOf(runs []*updaterv1.Run, wide bool) (header []string, rows [][]string) {
	header = []string{"WHEN", "TRIGGER", "RESULT", "COMMIT", "CHANGES", "DURATION"}
	if wide {
		header = append(header, "ID", "BRANCH", "BASE", "HELD", "WARNINGS", "TRACE")
	}
	header = append(header, "MESSAGE")
	for _, run := range runs {
		row := []string{
			table.Moment(run.GetStartTime()), triggerName(run.GetTrigger()), outcomeName(run.GetOutcome()), short(run.GetCommit()),
			some(len(run.GetChanges())), duration(run),
		}
		if wide {
			row = append(row, run.GetId(), run.GetBranch(), short(run.GetBase()), some(len(run.GetHeld())), some(len(run.GetWarnings())), run.GetTraceId())
		}
		rows = append(rows, append(row, message(run)))
	}
	return header, rows
}

// message is what a run says of itself, and how often it was said.
func message(run *updaterv1.Run) string {
	text := run.GetMessage()
	if n := len(run.GetHeld()); n == 1 {
		text += "; 1 value held"
	} else if n > 1 {
		text += fmt.Sprintf("; %d values held", n)
	}
	if second := run.GetSecondPush(); second != nil && second.GetTime() == nil {
		text += "; not yet at " + second.GetRef()
	}
	if run.GetRepetitions() > 0 {
		text += " " + times(run)
	}
	return text
}

// times is how many runs a record stands for: ×12.
func times(run *updaterv1.Run) string { return "×" + strconv.Itoa(int(run.GetRepetitions())+1) }

// some is a number, and nothing for none.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func short(commit string) string { return commit[:min(len(commit), 8)] }

// duration is how long a run took, with three digits or so; empty: it has not ended.
func duration(run *updaterv1.Run) string {
	if run.GetEndTime() == nil || run.GetStartTime() == nil {
		return ""
	}
	took := run.GetEndTime().AsTime().Sub(run.GetStartTime().AsTime())
	switch {
	case took >= time.Minute:
		return took.Round(time.Second).String()
	case took >= time.Second:
		return took.Round(10 * time.Millisecond).String()
	case took >= time.Millisecond:
		return took.Round(time.Millisecond).String()
	}
	return took.Round(time.Microsecond).String()
}
