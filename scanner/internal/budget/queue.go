// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import "slices"

// queue holds those who wait for one budget. Repositories take turns; those who wait for one repository are served in the
// order in which they came.
type queue struct {
	// turns are the repositories with somebody waiting; the next one first.
	turns   []string
	waiting map[string][]*waiter
}

func (q *queue) push(w *waiter) {
	if q.waiting == nil {
		q.waiting = map[string][]*waiter{}
	}
	if len(q.waiting[w.repository]) == 0 {
		q.turns = append(q.turns, w.repository)
	}
	q.waiting[w.repository] = append(q.waiting[w.repository], w)
}

// pop takes the next one out; there must be one. Its repository goes to the end of the line.
func (q *queue) pop() *waiter {
	repository := q.turns[0]
	q.turns = q.turns[1:]
	line := q.waiting[repository]
	if len(line) == 1 {
		delete(q.waiting, repository)
	} else {
		q.waiting[repository] = line[1:]
		q.turns = append(q.turns, repository)
	}
	return line[0]
}

// remove takes out those for whom leave is true. The others keep their turns.
func (q *queue) remove(leave func(*waiter) bool) {
	q.turns = slices.DeleteFunc(q.turns, func(repository string) bool {
		left := slices.DeleteFunc(q.waiting[repository], leave)
		if len(left) == 0 {
			delete(q.waiting, repository)
			return true
		}
		q.waiting[repository] = left
		return false
	})
}

// repositories is how many of them have somebody waiting.
func (q *queue) repositories() int { return len(q.turns) }
