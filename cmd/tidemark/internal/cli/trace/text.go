// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/table"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
)

// screen is how many rows of one kind are shown to a person; `-o json` has all.
const screen = 20

// page is what is written, until the first error.
type page struct {
	out io.Writer
	err error
}

func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.out, strings.TrimRight(terminal.Clean(fmt.Sprintf(format, args...)), " "))
	}
}

// fact is one line; one that is empty is left out.
func (p *page) fact(name, value string) {
	if value != "" {
		p.line("%-12s %s", name, value)
	}
}

func (p *page) title(text string) {
	p.line("")
	p.line("%s", text)
}

func (p *page) more(rest int) {
	if rest > 0 {
		p.line("    … and %d more; -o json shows all", rest)
	}
}

func (p *page) end() error {
	if p.err != nil {
		return fmt.Errorf("write the trace: %w", p.err)
	}
	return nil
}

// text implements answer.
func (a imageAnswer) text(out io.Writer) error {
	p := &page{out: out}
	for i, image := range a.Images {
		if i > 0 {
			p.line("")
		}
		p.lineage(image)
	}
	return p.end()
}

func (p *page) lineage(l *lineage) {
	if l.Tag == "" {
		p.fact("image", l.Image+", of which no policy has chosen a tag")
		p.fact("repository", l.Repository)
	} else {
		p.tag(&l.tagFacts)
	}
	p.verdicts(l.Policies)
	p.written(l.Written, l.Scan)
	if len(l.NotWritten) > 0 {
		p.title("not written")
		for _, r := range l.NotWritten[:min(screen, len(l.NotWritten))] {
			p.line("    %s", r)
		}
		p.more(len(l.NotWritten) - screen)
	}
	p.leftAlone(l.Held, l.Warnings)
}

// tag is what is known of a tag, and of each fact that is not known why.
func (p *page) tag(f *tagFacts) {
	known := map[string]string{"digest": f.Digest}
	if f.FirstSeen != nil {
		known["first seen"] = moment(f.FirstSeen)
		if how := f.arrival(); how != "" {
			known["first seen"] += ", " + how
		}
	}
	if f.Created != nil {
		known["created"] = moment(f.Created) + ", as the image says"
	}
	if f.Pushed != nil {
		known["pushed"] = moment(f.Pushed)
	}
	if f.Scan != nil {
		known["scan"] = f.Scan.TraceID
	}
	p.fact("image", f.Image+":"+f.Tag)
	p.fact("repository", f.Repository)
	for _, name := range []string{"first seen", "scan", "digest", "created", "pushed"} {
		label := name
		if name == "scan" && known[name] != "" {
			label = "scan's trace"
		}
		p.fact(label, known[name])
		for _, m := range f.Missing {
			if m.Fact == name {
				p.fact(name, "not known: "+m.Why)
			}
		}
	}
}

func (p *page) verdicts(all []verdict) {
	p.title("policies")
	if len(all) == 0 {
		p.line("    no ImagePolicy looks at this repository's tags")
		return
	}
	rows := make([][]string, 0, len(all))
	for _, v := range all[:min(screen, len(all))] {
		rows = append(rows, []string{v.Policy, v.Verdict, v.Reason})
	}
	if p.err == nil {
		p.err = table.New(p.out, []string{"POLICY", "VERDICT", "REASON"}, false).Write(rows)
	}
	p.more(len(all) - screen)
}

// written groups the values by their commits.
func (p *page) written(all []written, from *scan) {
	if len(all) == 0 {
		return
	}
	p.title("written")
	commit := ""
	for _, w := range all[:min(screen, len(all))] {
		if w.Automation+w.Commit != commit {
			commit = w.Automation + w.Commit
			p.line("    commit %s", w.where())
			p.line("    %s, by ImageUpdateAutomation %s, %s", when(w), w.Automation, traceOf(w, from))
		}
		text := fmt.Sprintf("        %s:%d  %s → %s", w.Path, w.Line, cmp.Or(w.Old, "nothing"), w.New)
		if r := w.Replaced; r != nil {
			text += fmt.Sprintf("; since replaced by %s in commit %s", r.New, r.Commit[:min(len(r.Commit), 8)])
		}
		p.line("%s", text)
	}
	p.more(len(all) - screen)
}

// where is the commit, and where it was pushed to.
func (w written) where() string {
	text := w.Commit + " on " + w.Branch
	if w.URL != "" {
		text += " of " + w.URL
	}
	if w.Unfinished {
		text += ", by a run that has not ended: it may not be pushed yet"
	}
	return text
}

func when(w written) string {
	if w.Time == nil {
		return "at a time that is not recorded"
	}
	return moment(w.Time)
}

func traceOf(w written, from *scan) string {
	switch {
	case w.TraceID == "":
		return "with no trace recorded"
	case inScan(w, from) != "":
		return "in the scan's trace"
	}
	return "trace " + w.TraceID
}

// inScan says that a run belongs to the trace of the scan that first saw the tag; empty: it does not.
func inScan(w written, from *scan) string {
	if w.TraceID != "" && from != nil && w.TraceID == from.TraceID {
		return ", the scan's"
	}
	return ""
}

func (p *page) leftAlone(kept []held, warnings []reason) {
	if len(kept) > 0 {
		p.title("held")
		for _, h := range kept[:min(screen, len(kept))] {
			p.line("    %s:%d  %s instead of %s (%s): %s", h.Path, h.Line, h.Value, h.Proposed, h.Automation, h.Message)
		}
		p.more(len(kept) - screen)
	}
	if len(warnings) > 0 {
		p.title("left alone")
		for _, w := range warnings[:min(screen, len(warnings))] {
			p.line("    %s", w)
		}
		p.more(len(warnings) - screen)
	}
}

// String is the sentence, after the automation's name if there is one.
func (r reason) String() string {
	if r.Automation == "" {
		return r.Reason
	}
	return r.Automation + ": " + r.Reason
}

// text implements answer.
func (f *fileAnswer) text(out io.Writer) error {
	p := &page{out: out}
	for i, v := range f.Values[:min(screen, len(f.Values))] {
		if i > 0 {
			p.line("")
		}
		p.value(v, f.Line)
	}
	p.more(len(f.Values) - screen)
	if len(f.Values) == 0 {
		p.line("%s: no recorded run wrote a value there; the last %d with a commit are kept", place{f.Path, f.Line}, keptRuns)
	}
	p.leftAlone(f.Held, f.Warnings)
	return p.end()
}

func (p *page) value(v tracedValue, asked int) {
	at := fmt.Sprintf("%s:%d", v.Path, v.Line)
	if asked != 0 && asked != int(v.Line) {
		at += fmt.Sprintf(", where it was as it was written; nothing is recorded of line %d", asked)
	}
	p.fact("value", at)
	p.fact("", cmp.Or(v.Old, "nothing")+" → "+v.New)
	p.fact("object", strings.Join(slices.DeleteFunc([]string{v.Object, v.Node}, func(s string) bool { return s == "" }), ", "))
	p.fact("marker", v.Marker)
	p.fact("written", when(v.written)+", by ImageUpdateAutomation "+v.Automation)
	p.fact("commit", v.where())
	var from *scan
	if v.Tag != nil {
		from = v.Tag.Scan
	}
	p.fact("trace", cmp.Or(v.TraceID, "not recorded")+inScan(v.written, from))
	p.fact("policy", v.Policy.sentence(v))
	if v.Tag == nil {
		p.fact("tag", "not known: the value says none, and neither does its policy")
		return
	}
	p.tag(v.Tag)
}

// sentence says what the policy says now.
func (n policyNow) sentence(v tracedValue) string {
	text := n.Name
	switch {
	case n.Selected == "" && n.State == "":
		text += " has not chosen a tag"
	case n.Selected != "" && v.Tag != nil && n.Selected == v.Tag.Tag:
		text += " still says " + n.Selected
	case n.Selected != "":
		text += " says " + n.Selected + " now"
	}
	if n.Hold != "" {
		text += "; " + n.Hold
	}
	if n.State != "" {
		text += "; " + n.State
	}
	return text
}
