// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/lifecycle"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/marker"
)

const (
	// maxEdited bounds what one commit may hold of edited files, in bytes; they are held as they were as well.
	maxEdited = 256 << 20
	// maxChangeBytes bounds the changes in a record, which is one value of the store: of at most 1.5 MiB.
	maxChangeBytes = 1 << 20
	// editedAtOnce is how many files are edited before their results are taken.
	editedAtOnce = 256
	// problemSkipped is the kind of warnings about whole files.
	problemSkipped = "skipped"
)

// edits are the files that have to change.
type edits struct {
	files []edited
	// count is how many values change.
	count int
}

// edited is one file that has to change.
type edited struct {
	gitrepo.File
	result marker.Result
}

func (e *edits) contents() map[string][]byte {
	contents := make(map[string][]byte, len(e.files))
	for _, f := range e.files {
		contents[f.Path] = f.result.Data
	}
	return contents
}

// selectPolicies takes the policies as they are now.
func (w *work) selectPolicies() {
	w.selected = w.Policies.In(w.key.Namespace)
	for name, p := range w.selected {
		if !w.spec.Policies.Matches(labelSet(p.Labels)) {
			delete(w.selected, name)
		}
	}
}

// edit sets the marked values of a commit to what the policies say, but for those that the guard holds back.
func (w *work) edit(ctx context.Context, tip gitrepo.Hash) *Error {
	ctx, span := w.Tracer.Start(ctx, "edit")
	defer span.End()
	w.selectPolicies()
	w.warnings, w.problems, w.edits, w.unsure = warnings{}, nil, edits{}, nil
	w.run.Changes, w.run.Held, w.noted = nil, nil, 0
	if w.behind != "" {
		w.warnings.add("%s", w.behind)
	}
	listing, err := w.repo.Walk(ctx, tip, gitrepo.WalkOptions{
		Path: w.spec.Path, Match: marker.Candidate, Marked: marker.Mentions, Version: marker.LookVersion,
	})
	if err != nil {
		return w.gitFailure(err)
	}
	for _, skipped := range listing.Skipped {
		w.warn(problemSkipped, "%s was left alone: %s", skipped.Path, skipped.Reason)
	}
	w.warnings.more += listing.SkippedCount - len(listing.Skipped)
	if failure := w.editFiles(ctx, listing.Files); failure != nil {
		return failure
	}
	if failure := w.judge(ctx); failure != nil {
		return failure
	}
	for _, f := range w.edits.files {
		w.edits.count += len(f.result.Changes)
		for _, change := range f.result.Changes {
			w.noteChange(f.Path, change)
		}
	}
	w.run.Warnings = w.warnings.bounded()
	w.step(fmt.Sprintf("found %d marked files, of which %d change, in %d values", len(listing.Files), len(w.edits.files), w.edits.count))
	return nil
}

// editFiles edits files, some at a time, and takes the results in their order.
func (w *work) editFiles(ctx context.Context, files []gitrepo.File) *Error {
	size := 0
	for batch := range slices.Chunk(files, editedAtOnce) {
		if ctx.Err() != nil {
			return cutOff(ctx.Err())
		}
		outcomes := make([]editOutcome, len(batch))
		var group sync.WaitGroup
		free := make(chan struct{}, runtime.GOMAXPROCS(0))
		for i, file := range batch {
			free <- struct{}{}
			group.Go(func() {
				defer func() { <-free }()
				outcomes[i] = w.guardedEdit(file)
			})
		}
		group.Wait()
		for i, o := range outcomes {
			result, err := w.take(batch[i], o)
			if err != nil {
				return w.gitFailure(err)
			}
			if len(result.Changes) == 0 {
				continue
			}
			w.edits.files = append(w.edits.files, edited{batch[i], result})
			if size += len(result.Data); size > maxEdited {
				return &Error{Kind: Failed, Reason: reasonUpdate, Sentence: fmt.Sprintf(
					"more than %d MiB of files would change in one commit; set spec.update.path to less", maxEdited>>20)}
			}
		}
	}
	return nil
}

// editOutcome is what became of one file.
type editOutcome struct {
	result marker.Result
	// unreadable is why the file could not be had from the cache; broken why it was left alone.
	unreadable, broken error
}

// guardedEdit is editFile; a defect in it is told of by whoever takes the outcome.
func (w *work) guardedEdit(file gitrepo.File) (o editOutcome) {
	if err := lifecycle.Guard(func() error { o = w.editFile(file); return nil }); err != nil {
		o.broken = fmt.Errorf("a defect of ours: %w", err)
	}
	return o
}

// editFile edits one file; nothing is noted yet.
func (w *work) editFile(file gitrepo.File) (o editOutcome) {
	if w.known.current(file.Hash, w.choose) {
		return editOutcome{}
	}
	content, err := w.repo.ReadFile(file)
	if err != nil {
		return editOutcome{unreadable: err}
	}
	var before, after []knownValue
	o.result, o.broken = marker.Edit(content, func(m marker.Marker) (marker.Image, marker.Verdict) {
		image, verdict := w.choose(m)
		text, err := m.Part.Render(image)
		if verdict == marker.Write && err == nil {
			before = append(before, knownValue{m.Ref, m.Value})
			after = append(after, knownValue{m.Ref, text})
		}
		return image, verdict
	}, marker.Options{Trusted: w.known.proven(file.Hash)})
	if o.broken != nil {
		return o
	}
	if len(o.result.Problems) > 0 {
		before, after = nil, nil
	}
	w.known.learn(file.Hash, before)
	if len(o.result.Changes) > 0 {
		w.known.learn(plumbing.ComputeHash(plumbing.BlobObject, o.result.Data), after)
	} else {
		o.result.Data = nil
	}
	return o
}

// take notes what is wrong in a file as warnings; the error is of the cache.
func (w *work) take(file gitrepo.File, o editOutcome) (marker.Result, error) {
	switch {
	case errors.Is(o.unreadable, gitrepo.ErrTooLarge):
		w.warn(problemSkipped, "%s was left alone: %v", file.Path, o.unreadable)
	case o.unreadable != nil:
		return marker.Result{}, fmt.Errorf("reading %s: %w", file.Path, o.unreadable)
	case o.broken != nil:
		w.warn(problemSkipped, "%s was left alone: %v", file.Path, o.broken)
	}
	for _, problem := range o.result.Problems {
		w.warn(problem.Kind.String(), "%s:%d: %s", file.Path, problem.Line, w.sentence(problem))
	}
	return o.result, nil
}

// warn adds a warning, and counts it by its kind.
func (w *work) warn(kind, format string, args ...any) {
	w.warnings.add(format, args...)
	if w.problems == nil {
		w.problems = map[string]int64{}
	}
	w.problems[kind]++
}

func (w *work) choose(m marker.Marker) (marker.Image, marker.Verdict) {
	p := w.selected[m.Name]
	if m.Namespace != w.key.Namespace || p == nil {
		return marker.Image{}, marker.Unknown
	}
	return p.Image, marker.Write
}

// sentence says what to do about a marker.
func (w *work) sentence(problem marker.Problem) string {
	if problem.Kind != marker.Unmatched && problem.Kind != marker.NoImage {
		return problem.Text
	}
	key := object.Key{Namespace: problem.Ref.Namespace, Name: problem.Ref.Name}
	switch {
	case problem.Kind == marker.NoImage:
		return fmt.Sprintf("ImagePolicy '%s' has chosen no image yet; its conditions say why", key)
	case key.Namespace != w.key.Namespace:
		return fmt.Sprintf("the marker names ImagePolicy '%s', and only those of namespace '%s' are used", key, w.key.Namespace)
	case w.Policies.Has(key):
		return fmt.Sprintf("ImagePolicy '%s' is not selected by spec.policySelector", key)
	default:
		return fmt.Sprintf("there is no ImagePolicy '%s'; create it, or correct the marker", key)
	}
}

// noteChange keeps a change for the record, as long as there is room.
func (w *work) noteChange(path string, c marker.Change) {
	if w.noted >= maxChangeBytes {
		return
	}
	change := &updaterv1.RunChange{
		Path: bounded(path), Line: int32(min(c.Line, 1<<31-1)), Node: bounded(c.Path), Object: bounded(objectName(c.Object)), // #nosec G115 -- bounded
		Setter: c.String(), OldValue: bounded(c.Old), NewValue: bounded(c.New),
		Document:         int32(min(c.Document, 1<<31-1)), // #nosec G115 -- bounded
		PolicyGeneration: w.selected[c.Name].Generation,
	}
	w.noted += proto.Size(change)
	w.run.Changes = append(w.run.Changes, change)
}

func objectName(id marker.ObjectID) string {
	switch {
	case id.Kind == "" || id.Name == "":
		return ""
	case id.Namespace == "":
		return id.Kind + "/" + id.Name
	default:
		return id.Kind + "/" + id.Namespace + "/" + id.Name
	}
}

// observed are the images of the selected policies, for the status.
func observed(selected map[string]*policies.Policy) map[string]*updaterv1.ObservedPolicy {
	seen := make(map[string]*updaterv1.ObservedPolicy, len(selected))
	for name, p := range selected {
		if p.Image != (marker.Image{}) {
			seen[name] = &updaterv1.ObservedPolicy{Name: p.Image.Name, Tag: p.Image.Tag, Digest: p.Image.Digest}
		}
	}
	return seen
}
