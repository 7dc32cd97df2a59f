// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import "iter"

// Candidates are the eligible entries, the best first: the first is Pick's answer. A step costs a look at each span's best, a
// few of them. The set has to be in the order of the policy's own Ranking.
func (p *Policy) Candidates(set Ranked) iter.Seq[Entry] {
	if p.order == Descending {
		return p.descending(set)
	}
	return func(yield func(Entry) bool) {
		runs := make([]run, 0, len(p.spans))
		for _, s := range p.spans {
			if r := (run{from: set.Search(s.lo), to: set.Search(s.hi)}); r.from < r.to {
				runs = append(runs, r)
			}
		}
		for {
			best, of := Entry{}, -1
			for i, r := range runs {
				if r.from == r.to {
					continue
				}
				if e := set.At(r.to - 1); of < 0 || less(best, e) {
					best, of = e, i
				}
			}
			if of < 0 || !yield(best) {
				return
			}
			runs[of].to--
		}
	}
}

// run is a stretch of entries: from <= position < to.
type run struct{ from, to int }

// descending walks up, but through the entries of one key down.
func (p *Policy) descending(set Ranked) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, s := range p.spans { // there is one: see less
			for from, to := set.Search(s.lo), set.Search(s.hi); from < to; {
				next := set.Search(after(set.At(from).Key))
				for i := next - 1; i >= from; i-- {
					if !yield(set.At(i)) {
						return
					}
				}
				from = next
			}
		}
	}
}

// Eligible is the number of candidates.
func (p *Policy) Eligible(set Ranked) int {
	n := 0
	for _, s := range p.spans {
		n += set.Search(s.hi) - set.Search(s.lo)
	}
	return n
}
