// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

// Entry is a tag with its key.
type Entry struct {
	Key, Tag string
}

// Ranked is a set of tags in the order of a Ranking: the entries that its filter matches, by key, then by tag, each tag once.
type Ranked interface {
	// Considered is the number of tags in the set, also of those that the filter does not match.
	Considered() int
	// Len is the number of entries.
	Len() int
	// At returns an entry, the smallest first.
	At(i int) Entry
	// Search returns the number of entries whose key is smaller.
	Search(key string) int
}

// Pick answers the policy from tags that are in order already, in a few searches. It answers exactly what Evaluate does; the
// set has to be in the order of the policy's own Ranking.
func (p *Policy) Pick(set Ranked) (Result, error) {
	result := Result{Considered: set.Considered(), Filtered: set.Considered() - set.Len()}
	result.Unparsed = set.Search(string([]byte{classOrdered}))
	for i := range min(result.Unparsed, maxExamples) {
		result.Unparsable = append(result.Unparsable, set.At(i).Tag)
	}
	best, eligible := Entry{}, 0
	for _, s := range p.spans {
		from, to := set.Search(s.lo), set.Search(s.hi)
		if from == to {
			continue
		}
		// A span's best need only be held against the other spans': that of a range's releases and its pre-releases.
		e := p.bestOf(set, from, to)
		if eligible == 0 || less(best, e) {
			best = e
		}
		eligible += to - from
	}
	result.OutOfRange = set.Len() - result.Unparsed - eligible
	return result.conclude(best.Tag, eligible > 0)
}

// bestOf returns the best of a run of entries: the last; descending, the last of those with the first key.
func (p *Policy) bestOf(set Ranked, from, to int) Entry {
	if p.order == Descending {
		to = set.Search(after(set.At(from).Key))
	}
	return set.At(to - 1)
}

// less compares ranks, then tags. More than one span is had by ranges alone, and these are never descending.
func less(a, b Entry) bool {
	if a.Key[1:] != b.Key[1:] {
		return a.Key[1:] < b.Key[1:]
	}
	return a.Tag < b.Tag
}
