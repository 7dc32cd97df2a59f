// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/preview"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// Report is what was done, in the order of the manifests.
type Report struct {
	Repositories []repository `json:"repositories"`
	Policies     []policy     `json:"policies"`
	Automations  []automation `json:"automations"`
}

// Key names an object.
type Key struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

func keyOf(o kinds.Object) Key {
	return Key{o.GetMetadata().GetNamespace(), o.GetMetadata().GetName()}
}

// repository is what became of an ImageRepository.
type repository struct {
	Key
	Suspended bool   `json:"suspended,omitempty"`
	Tags      int32  `json:"tags"`
	Error     string `json:"error,omitempty"`
}

// policy is what became of an ImagePolicy.
type policy struct {
	Key
	Suspended bool   `json:"suspended,omitempty"`
	Image     string `json:"image"`
	Error     string `json:"error,omitempty"`
}

// automation is what became of an ImageUpdateAutomation.
type automation struct {
	Key
	Suspended bool   `json:"suspended,omitempty"`
	Error     string `json:"error,omitempty"`

	runs    []*updaterv1.Run
	preview *updaterv1.PreviewImageUpdateAutomationResponse
}

// MarshalJSON writes runs in the contract's names.
func (a automation) MarshalJSON() ([]byte, error) {
	type plain automation
	document := struct {
		plain
		Runs []json.RawMessage `json:"runs"`
		Diff string            `json:"diff,omitempty"`
	}{plain: plain(a), Runs: []json.RawMessage{}, Diff: a.preview.GetDiff()}
	for _, run := range a.runs {
		text, err := protojson.Marshal(run)
		if err != nil {
			return nil, fmt.Errorf("write a run: %w", err)
		}
		document.Runs = append(document.Runs, text)
	}
	return json.Marshal(document)
}

// Table writes a row for each value that was changed, and one for each automation that changed none.
func (r *Report) Table(out io.Writer, noHeader bool) error {
	var rows [][]string
	for _, a := range r.Automations {
		rows = append(rows, a.rows()...)
	}
	if len(rows) == 0 {
		return nil
	}
	return table.New(out, []string{"NAMESPACE", "AUTOMATION", "RESULT", "COMMIT", "FILE:LINE", "OLD", "NEW"}, noHeader).Write(rows)
}

func (a automation) rows() [][]string {
	var rows [][]string
	for _, run := range a.runs {
		for _, c := range run.GetChanges() {
			if run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
				commit := run.GetCommit()
				rows = append(rows, []string{
					a.Namespace, a.Name, "pushed", commit[:min(len(commit), 8)], fmt.Sprintf("%s:%d", c.GetPath(), c.GetLine()), c.GetOldValue(), c.GetNewValue(),
				})
			}
		}
	}
	result := "up-to-date"
	switch {
	case a.Suspended:
		result = "suspended"
	case a.Error != "":
		result = "failed"
	case len(rows) > 0:
		return rows
	}
	return append(rows, []string{a.Namespace, a.Name, result, "", "", "", ""})
}

// Diffs writes what a dry run found: each automation's message and diff.
func (r *Report) Diffs(out io.Writer, getenv func(string) string) error {
	for _, a := range r.Automations {
		if a.preview == nil {
			continue
		}
		if err := preview.Show(out, a.preview, getenv); err != nil {
			return err
		}
	}
	return nil
}

// end says what was done. The error says that something was shown to fail.
func (l *loop) end() error {
	failures, commits, values := 0, 0, 0
	for _, r := range l.report.Repositories {
		failures += one(r.Error)
	}
	for _, p := range l.report.Policies {
		failures += one(p.Error)
	}
	for _, a := range l.report.Automations {
		failures += one(a.Error)
		for _, run := range a.runs {
			if len(run.GetChanges()) > 0 && run.GetOutcome() == updaterv1.RunOutcome_RUN_OUTCOME_PUSHED {
				commits++
				values += len(run.GetChanges())
			}
		}
	}
	switch {
	case failures > 0:
		l.progress.Failure("%s failed, as shown above", terminal.Count(failures, "object"))
		return terminal.ErrShown
	case l.options.DryRun:
		l.progress.Success("nothing was pushed: this was a dry run")
	case commits == 0:
		l.progress.Success("no updates made")
	default:
		l.progress.Success("%s pushed, %s changed", terminal.Count(commits, "commit"), terminal.Count(values, "value"))
	}
	return nil
}

func one(failure string) int {
	if failure != "" {
		return 1
	}
	return 0
}
