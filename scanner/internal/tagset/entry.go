// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import "time"

// Remember is how long a tag that vanished keeps its first-seen time.
const Remember = 30 * 24 * time.Hour

// Entry is what is known of one tag. Times are UTC with millisecond precision.
type Entry struct {
	Tag string
	// FirstSeen is the end of the first scan that listed the tag.
	FirstSeen time.Time
	// Initial marks the tags of the first scan: they were there before us.
	Initial bool
	// Excluded tags are remembered and do not count.
	Excluded bool
	// Vanished is the end of the scan that no longer listed the tag; zero while
	// it is there. After Remember the entry is forgotten.
	Vanished time.Time
	// Digest is the manifest's, "sha256:…", as it was when it last moved while
	// somebody followed it; empty: it never did.
	Digest string
}

// Present tells whether the registry lists the tag.
func (e Entry) Present() bool { return e.Vanished.IsZero() }

// Visible tells whether the tag counts: listed and not excluded.
func (e Entry) Visible() bool { return e.Present() && !e.Excluded }

func (e Entry) expired(now time.Time) bool {
	return !e.Present() && now.Sub(e.Vanished) > Remember
}

// milliseconds brings a time to the precision in which it is stored.
func milliseconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// Delta is what is different between two states of a set, in visible tags,
// each list in byte order.
type Delta struct {
	Added   []Entry
	Changed []Entry // in both, with another digest, first-seen time or Initial
	Removed []string
}

// Empty tells whether nothing is different.
func (d Delta) Empty() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

// note records how one tag went from before to after; a zero Entry stands for
// a tag that is not there.
func (d *Delta) note(before, after Entry) {
	was, is := before.Tag != "" && before.Visible(), after.Tag != "" && after.Visible()
	switch {
	case is && !was:
		d.Added = append(d.Added, after)
	case was && !is:
		d.Removed = append(d.Removed, before.Tag)
	case was && before != after:
		d.Changed = append(d.Changed, after)
	}
}
