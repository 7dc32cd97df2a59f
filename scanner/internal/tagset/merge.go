// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// ErrStale is what Merge says of a listing that began before the stored one
// began: somebody else was faster, and the listing is to be thrown away.
var ErrStale = errors.New("the listing is older than the stored one")

// ErrInvalidTag is what Merge says of a listing with something else than tags.
var ErrInvalidTag = errors.New("invalid tag")

// Exclusions decide which tags count; registry.Exclusions is one.
type Exclusions interface {
	Excluded(tag string) bool
	// Patterns is what tells one list from another.
	Patterns() []string
}

// Scan is a complete listing and its circumstances.
type Scan struct {
	// UID is the object's.
	UID string
	// Tags in any order; doubles do not matter.
	Tags []string
	// Exclusions; nil excludes nothing.
	Exclusions Exclusions
	// First says that the tags were there before us: they are marked Initial.
	First bool
	// Started and Finished; new tags are first seen, and missing ones vanished,
	// at Finished.
	Started, Finished time.Time
	// Moved are tags that have another digest than was known, and which.
	Moved map[string]string
	// TraceParent and TraceState of the scan.
	TraceParent, TraceState string
}

// Plan is what a scan does to the stored set.
type Plan struct {
	// Head is the new head. Without a change it is the old one with the times
	// of this scan.
	Head Head
	// Changed tells whether anything but the times is different; if not,
	// Write, Obsolete and Delta are empty.
	Changed bool
	// Write are the chunks to store, before or together with the head.
	Write []Chunk
	// Obsolete are the ids that the new head no longer needs. None is in Write.
	Obsolete []string
	// Delta is the difference in visible tags. It may be empty though the set
	// changed, by an excluded tag for instance; then Revision is the same.
	Delta Delta
	// Lost is how many of the old head's Total the listing no longer has,
	// excluded tags too. A caller who takes so many for an accident does not
	// store the plan.
	Lost int
	// New is how many tags are first seen in this listing, excluded tags too.
	New int
}

// Merge plans how a complete listing becomes the stored set. It reads chunks
// only when the listing, the exclusion list or the memory of vanished tags has
// changed. Errors are ErrStale, ErrInvalidTag, ErrCorrupt and those of read.
func Merge(old Head, read Reader, scan Scan) (Plan, error) {
	return defaultSizes().plan(old, read, scan)
}

func (s sizes) plan(old Head, read Reader, scan Scan) (Plan, error) {
	if scan.Started.Before(old.ScanStarted) {
		return Plan{}, ErrStale
	}
	tags := slices.Compact(slices.Sorted(slices.Values(scan.Tags)))
	for _, tag := range tags {
		if !ValidTag(tag) {
			return Plan{}, fmt.Errorf("%w: %.128q", ErrInvalidTag, tag)
		}
	}
	m := &merger{now: milliseconds(scan.Finished), first: scan.First, moved: scan.Moved, exclude: func(string) bool { return false }}
	var patterns []string
	if scan.Exclusions != nil {
		m.exclude, patterns = scan.Exclusions.Excluded, scan.Exclusions.Patterns()
	}
	m.reconsider = !slices.Equal(patterns, old.Exclusions)
	head := old
	head.UID = scan.UID
	// Started to the nanosecond: it decides between listings that began in one millisecond.
	head.ScanStarted, head.ScanFinished = scan.Started.Round(0).UTC(), m.now
	head.Listed, head.Exclusions = Revision(tags), patterns
	due := !old.Expires.IsZero() && m.now.After(old.Expires)
	if head.Listed == old.Listed && head.UID == old.UID && !m.reconsider && !due && len(scan.Moved) == 0 {
		return Plan{Head: head}, nil
	}
	head.TraceParent, head.TraceState = scan.TraceParent, scan.TraceState
	return s.rewrite(head, old.Chunks, read, tags, m)
}

// rewrite goes through the old chunks, each with the listed tags of its range.
func (s sizes) rewrite(head Head, old []ChunkRef, read Reader, tags []string, m *merger) (Plan, error) {
	m.sum = newChecksum()
	leaves := make([]leaf, 0, max(1, len(old)))
	if len(old) == 0 && len(tags) > 0 {
		leaves = append(leaves, m.leaf(ChunkRef{}, nil, tags))
	}
	i := 0
	for entries, err := range chunks(old, read) {
		if err != nil {
			return Plan{}, err
		}
		listed := tags
		if i+1 < len(old) {
			end := sort.SearchStrings(tags, old[i+1].First)
			listed, tags = tags[:end], tags[end:]
		}
		leaves = append(leaves, m.leaf(old[i], entries, listed))
		i++
	}
	leaves, err := s.rebalance(leaves, func(ref ChunkRef) ([]Entry, error) {
		for entries, err := range chunks([]ChunkRef{ref}, read) {
			return entries, err
		}
		return nil, nil
	})
	if err != nil {
		return Plan{}, err
	}
	head.Revision, head.Latest = m.sum.String(), m.latest.tags()
	head.Count, head.Total, head.Gone, head.Expires = m.count, m.total, m.gone, m.expires
	head.tell(m.delta, m.moved)
	plan := Plan{Head: head, Changed: true, Delta: m.delta, Lost: m.lost, New: m.new}
	return plan, plan.store(leaves, old)
}

// tell names what the delta took away and what it moved.
func (h *Head) tell(delta Delta, moved map[string]string) {
	h.Vanished, h.VanishedCount, h.Moved = nil, len(delta.Removed), nil
	h.Vanished = append(h.Vanished, delta.Removed[:min(maxTold, len(delta.Removed))]...)
	for _, e := range delta.Changed {
		if moved[e.Tag] == e.Digest && e.Digest != "" && len(h.Moved) < maxTold {
			h.Moved = append(h.Moved, e.Tag)
		}
	}
}

// store encodes the leaves that are new and fills in refs, Write and Obsolete.
func (p *Plan) store(leaves []leaf, old []ChunkRef) error {
	unused := make(map[string]bool, len(old))
	for _, ref := range old {
		unused[ref.ID] = true
	}
	p.Head.Chunks = make([]ChunkRef, 0, len(leaves))
	for _, l := range leaves {
		ref := l.ref
		if l.entries != nil {
			chunk, err := pack(l.entries)
			if err != nil {
				return err
			}
			if ref = chunk.Ref; !unused[ref.ID] {
				p.Write = append(p.Write, chunk)
			}
		}
		delete(unused, ref.ID)
		p.Head.Chunks = append(p.Head.Chunks, ref)
	}
	for _, ref := range old {
		if unused[ref.ID] {
			p.Obsolete = append(p.Obsolete, ref.ID)
		}
	}
	return nil
}

// merger merges entries with what is listed, in the order of the tags, and
// collects what the head says about all of them.
type merger struct {
	now        time.Time
	first      bool
	reconsider bool // the exclusion list is another one
	exclude    func(string) bool
	moved      map[string]string

	delta              Delta
	sum                *checksum
	latest             latest
	count, total, gone int
	lost, new          int
	expires            time.Time
}

// leaf merges one range. It returns the chunk as it is when nothing changed.
func (m *merger) leaf(ref ChunkRef, old []Entry, listed []string) leaf {
	entries := make([]Entry, 0, max(len(old), len(listed)))
	changed := false
	put := func(before, after Entry) {
		changed = changed || before != after
		m.delta.note(before, after)
		if after.Tag != "" {
			m.see(after)
			entries = append(entries, after)
		}
	}
	for len(old) > 0 || len(listed) > 0 {
		switch {
		case len(listed) == 0 || len(old) > 0 && old[0].Tag < listed[0]:
			put(old[0], m.missing(old[0]))
			old = old[1:]
		case len(old) == 0 || listed[0] < old[0].Tag:
			put(Entry{}, m.appeared(listed[0]))
			listed = listed[1:]
		default:
			put(old[0], m.listed(old[0]))
			old, listed = old[1:], listed[1:]
		}
	}
	if !changed {
		return leaf{ref: ref}
	}
	return leaf{entries: entries, shrank: len(entries) < ref.Entries}
}

// see counts an entry of the new set.
func (m *merger) see(e Entry) {
	switch {
	case e.Visible():
		m.sum.add(e.Tag)
		m.latest.show(e)
		m.count++
		m.total++
	case e.Present():
		m.total++
	default:
		m.gone++
		if expires := e.Vanished.Add(Remember); m.expires.IsZero() || expires.Before(m.expires) {
			m.expires = expires
		}
	}
}

func (m *merger) appeared(tag string) Entry {
	m.new++
	return Entry{Tag: tag, FirstSeen: m.now, Initial: m.first, Excluded: m.exclude(tag), Digest: m.moved[tag]}
}

// listed is what becomes of a known tag that is there (again).
func (m *merger) listed(e Entry) Entry {
	if e.expired(m.now) {
		return m.appeared(e.Tag)
	}
	e.Vanished = time.Time{}
	if digest, moved := m.moved[e.Tag]; moved {
		e.Digest = digest
	}
	return m.reconsidered(e)
}

// missing is what becomes of a known tag that is not listed; the zero Entry
// when it is forgotten.
func (m *merger) missing(e Entry) Entry {
	if e.expired(m.now) {
		return Entry{}
	}
	if e.Present() {
		e.Vanished = m.now
		m.lost++
	}
	return m.reconsidered(e)
}

func (m *merger) reconsidered(e Entry) Entry {
	if m.reconsider {
		e.Excluded = m.exclude(e.Tag)
	}
	return e
}
