// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import "time"

// entry is one key. It is in the order while it waits, and not while it runs.
type entry struct {
	key     string
	planned time.Time // zero: nothing is planned
	asked   bool      // run as soon as a worker is free
	arrival uint64    // the place among those asked for
	running bool
	index   int // in the order; -1: not in it
}

// dueOrder is a heap: first what was asked for, as it arrived, then what is planned, by time.
type dueOrder []*entry

func (o dueOrder) Len() int { return len(o) }

func (o dueOrder) Less(i, j int) bool {
	a, b := o[i], o[j]
	if a.asked != b.asked {
		return a.asked
	}
	if a.asked {
		return a.arrival < b.arrival
	}
	return a.planned.Before(b.planned)
}

func (o dueOrder) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].index, o[j].index = i, j
}

// Push is container/heap's.
func (o *dueOrder) Push(x any) {
	e := x.(*entry) //nolint:forcetypeassert // only entries are pushed, by place alone
	e.index = len(*o)
	*o = append(*o, e)
}

// Pop is container/heap's.
func (o *dueOrder) Pop() any {
	last := len(*o) - 1
	e := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	e.index = -1
	return e
}
