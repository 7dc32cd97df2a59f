// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/policies"
	"github.com/tidemark-io/tidemark/updater/marker"
)

const (
	// markerVersion names what marker.Candidate and marker.Mentions look for.
	markerVersion = "$imagepolicy 1"
	// maxEdited bounds what one commit may hold of edited files, in bytes.
	maxEdited = 256 << 20
	// maxChangeBytes bounds the changes in a record, which is one value of the store: of at most 1.5 MiB.
	maxChangeBytes = 1 << 20
	// maxProven bounds what is remembered of files that both YAML readers read alike: 20 bytes each.
	maxProven = 50_000
)

// edits are the files that have to change.
type edits struct {
	files   map[string][]byte
	changes map[string][]marker.Change
	count   int
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

// edit sets the marked values of the base to what the policies say.
func (w *work) edit(ctx context.Context, b bases) (edits, *Error) {
	ctx, span := w.Tracer.Start(ctx, "edit")
	defer span.End()
	w.selectPolicies()
	w.warnings, w.run.Changes, w.noted = warnings{}, nil, 0
	e := edits{files: map[string][]byte{}, changes: map[string][]marker.Change{}}
	listing, err := w.repo.Walk(ctx, b.base, gitrepo.WalkOptions{
		Path: w.spec.Path, Match: marker.Candidate, Marked: marker.Mentions, Version: markerVersion,
	})
	if err != nil {
		return e, w.gitFailure(err)
	}
	for _, skipped := range listing.Skipped {
		w.warnings.add("%s was left alone: %s", skipped.Path, skipped.Reason)
	}
	w.warnings.more += listing.SkippedCount - len(listing.Skipped)
	size := 0
	for _, file := range listing.Files {
		if ctx.Err() != nil {
			return e, cutOff(ctx.Err())
		}
		if err := w.editFile(&e, file); err != nil {
			return e, w.gitFailure(err)
		}
		if size += len(e.files[file.Path]); size > maxEdited {
			return e, &Error{Kind: Failed, Reason: reasonUpdate, Sentence: fmt.Sprintf(
				"more than %d MiB of files would change in one commit; set spec.update.path to less", maxEdited>>20)}
		}
	}
	w.run.Warnings = w.warnings.bounded()
	w.step(fmt.Sprintf("found %d marked files, of which %d change, in %d values", len(listing.Files), len(e.files), e.count))
	return e, nil
}

// editFile edits one file. What is wrong in it is a warning; the error is of the cache.
func (w *work) editFile(e *edits, file gitrepo.File) error {
	content, err := w.repo.ReadFile(file)
	if errors.Is(err, gitrepo.ErrTooLarge) {
		w.warnings.add("%s was left alone: %v", file.Path, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", file.Path, err)
	}
	result, err := marker.Edit(content, w.choose, marker.Options{Trusted: w.proven.has(file.Hash)})
	if err != nil {
		w.warnings.add("%s was left alone: %v", file.Path, err)
		return nil
	}
	w.proven.add(file.Hash)
	for _, problem := range result.Problems {
		w.warnings.add("%s:%d: %s", file.Path, problem.Line, w.sentence(problem))
	}
	if len(result.Changes) == 0 {
		return nil
	}
	e.files[file.Path], e.changes[file.Path] = result.Data, result.Changes
	e.count += len(result.Changes)
	for _, change := range result.Changes {
		w.noteChange(file.Path, change)
	}
	return nil
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

// proven remembers contents that both of package marker's readers read alike, so that the second need not read them again.
type proven struct {
	mu   sync.Mutex
	seen map[gitrepo.Hash]struct{}
}

func (p *proven) has(hash gitrepo.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.seen[hash]
	return ok
}

func (p *proven) add(hash gitrepo.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil || len(p.seen) >= maxProven {
		p.seen = map[gitrepo.Hash]struct{}{}
	}
	p.seen[hash] = struct{}{}
}
