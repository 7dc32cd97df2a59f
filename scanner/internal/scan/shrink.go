// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"fmt"
	"time"

	"github.com/tidemark-io/tidemark/scanner/internal/source"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// A listing that has lost more than half of a set of over smallSet tags is more often a registry's bad hour than
// somebody's wish. It is held back until confirmListings complete and equal ones were had over confirmAfter.
const (
	smallSet        = 20
	confirmListings = 3
	confirmAfter    = time.Hour
)

const reasonShrank = "TagSetShrank"

// shrinkage is a listing that is held back, kept in memory alone: a restart counts anew.
type shrinkage struct {
	uid, listed string
	since       time.Time
	times       int
}

// holdBack is a *source.Error for a listing that is not to be stored yet.
func (l *Loop) holdBack(j *job, was state.Set, plan tagset.Plan) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was.Head.Total <= smallSet || plan.Lost*2 <= was.Head.Total {
		delete(l.shrunk, j.key)
		return nil
	}
	held := l.shrunk[j.key]
	if held.uid != j.uid() || held.listed != plan.Head.Listed {
		held = shrinkage{uid: j.uid(), listed: plan.Head.Listed, since: j.listed}
	}
	held.times++
	if held.times >= confirmListings && j.listed.Sub(held.since) >= l.confirmAfter {
		delete(l.shrunk, j.key)
		return nil
	}
	l.shrunk[j.key] = held
	return &source.Error{
		Reason: reasonShrank,
		Sentence: fmt.Sprintf("scan held back: of %d tags the registry no longer lists %d, and the old ones are kept; "+
			"%d equal listings over at least %s are accepted; to accept it now, delete and re-create the object",
			was.Head.Total, plan.Lost, confirmListings, l.confirmAfter),
	}
}
