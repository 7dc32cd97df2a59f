// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package set

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/updater/marker"
)

// work is one run of the verb, and what came of it.
type work struct {
	images   []given
	dryRun   bool
	strict   bool
	progress terminal.Progress
	// show, if set, gets the diff of each file.
	show func(diff string) error

	entriesSeen, candidates int
	changes                 []changed
	problems                []problem
	failed                  bool
	// named are the policies that a marker names.
	named map[policy]bool
}

// changed is one value that was changed, in the names of the API's RunChange.
type changed struct {
	Path     string `json:"path"`
	Line     int    `json:"line"`
	Document int    `json:"document"`
	Node     string `json:"node"`
	Setter   string `json:"setter"`
	OldValue string `json:"oldValue"`
	NewValue string `json:"newValue"`
}

// problem is what was not done.
type problem struct {
	Path string `json:"path"`
	// Line from 1; zero: not of one line.
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

func (p problem) String() string {
	if p.Line > 0 {
		return p.Path + ":" + strconv.Itoa(p.Line) + ": " + p.Message
	}
	return p.Path + ": " + p.Message
}

// choose is the marker package's question: what does a marker get?
func (w *work) choose(m marker.Marker) (marker.Image, marker.Verdict) {
	if i := w.index(m.Ref); i >= 0 {
		w.named[w.images[i].policy] = true
		return w.images[i].image, marker.Write
	}
	return marker.Image{}, marker.Unknown
}

// index is the --image that a marker names; -1: none.
func (w *work) index(ref marker.Ref) int {
	return slices.IndexFunc(w.images, func(g given) bool { return g.policy == policy{ref.Namespace, ref.Name} })
}

// take notes down what was written.
func (w *work) take(p place, changes []marker.Change) {
	for _, c := range changes {
		w.changes = append(w.changes, changed{
			Path: p.shown, Line: c.Line, Document: c.Document, Node: c.Path, Setter: c.String(), OldValue: c.Old, NewValue: c.New,
		})
	}
}

// fail reports what makes the command fail.
func (w *work) fail(p problem) {
	w.failed = true
	w.problems = append(w.problems, p)
	w.progress.Failure("%s", p)
}

// failFile reports a file that could not be handled.
func (w *work) failFile(p place, err error) {
	if whole, ok := errors.AsType[*marker.FileError](err); ok {
		alone := *whole
		alone.Line = 0
		w.fail(problem{Path: p.shown, Line: whole.Line, Message: alone.Error()})
		return
	}
	w.fail(problem{Path: p.shown, Message: sentence(err)})
}

// report reports the markers that were not obeyed. One that an --image names fails the command, as it was meant to be
// written; others only with --strict.
func (w *work) report(p place, problems []marker.Problem) {
	for _, each := range problems {
		told := problem{Path: p.shown, Line: each.Line, Message: each.Text}
		meant := each.Kind != marker.Unreadable && w.index(each.Ref) >= 0
		switch each.Kind {
		case marker.Unmatched:
			if !w.strict {
				continue
			}
			told.Message = fmt.Sprintf("no --image says what %s:%s is", each.Ref.Namespace, each.Ref.Name)
		case marker.NoDigest:
			told.Message = fmt.Sprintf("the marker wants a digest, and --image %s:%s has none; add @sha256:… to it", each.Ref.Namespace, each.Ref.Name)
		default:
		}
		if meant {
			w.named[policy{each.Ref.Namespace, each.Ref.Name}] = true
		}
		w.tell(told, meant || w.strict)
	}
}

func (w *work) tell(p problem, fails bool) {
	if fails {
		w.fail(p)
		return
	}
	w.problems = append(w.problems, p)
	w.progress.Warning("%s", p)
}

// reportUnused reports each --image that no marker names: it may be misspelled.
func (w *work) reportUnused() {
	for _, each := range w.images {
		if w.named[each.policy] {
			continue
		}
		if w.strict {
			w.failed = true
			w.progress.Failure("no marker names %s", each.policy)
			continue
		}
		w.progress.Warning("no marker names %s", each.policy)
	}
}

// files are the files with changes, in their order.
func (w *work) files() []string {
	all := make([]string, 0, len(w.changes))
	for _, c := range w.changes {
		all = append(all, c.Path)
	}
	return slices.Compact(all)
}

// end says what was done. The error says that something was shown to fail.
func (w *work) end() error {
	files, values := terminal.Count(len(w.files()), "file"), terminal.Count(len(w.changes), "value")
	switch {
	case len(w.changes) == 0 && w.failed:
	case len(w.changes) == 0:
		w.progress.Success("nothing to change")
	case w.dryRun:
		w.progress.Success("%s would change, %s", files, values)
	default:
		w.progress.Success("%s changed, %s", files, values)
	}
	if w.failed {
		return terminal.ErrShown
	}
	return nil
}
