// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"sync"
	"time"
)

const (
	// renewBefore is how long before its end a token is not used any more: a run begins and ends with one.
	renewBefore = 5 * time.Minute
	// freshFor is how long after it was given a token that is refused is not asked for again: another would be refused too.
	freshFor = 30 * time.Second
	// maxTokens bounds what is kept.
	maxTokens = 1000
)

// token is a password for a while.
type token struct {
	password      string
	given, expiry time.Time
}

// good says whether the token may be used now, though the server refused this one.
func (t token) good(refused string) bool {
	if t.password == "" || time.Until(t.expiry) < renewBefore {
		return false
	}
	return t.password != refused || time.Since(t.given) < freshFor
}

// tokens keeps tokens until shortly before they end. The zero value is empty and ready; it is safe for concurrent use.
type tokens struct {
	mu   sync.Mutex
	kept map[string]*keptToken
}

type keptToken struct {
	turn chan struct{} // holds one element while nobody asks
	token
}

// get gives the token of that name. Where there is none that is good for a while, or it is the one that was refused, it is
// asked for; who else wants it waits meanwhile. A token that is refused at once comes back as it is.
func (t *tokens) get(ctx context.Context, name, refused string, ask func(context.Context) (token, error)) (string, error) {
	kept := t.entry(name)
	select {
	case <-kept.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { kept.turn <- struct{}{} }()
	if kept.good(refused) {
		return kept.password, nil
	}
	fresh, err := ask(ctx)
	if err != nil {
		kept.token = token{}
		return "", err
	}
	kept.token = fresh
	return fresh.password, nil
}

func (t *tokens) entry(name string) *keptToken {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kept, ok := t.kept[name]; ok {
		return kept
	}
	if t.kept == nil || len(t.kept) >= maxTokens {
		t.kept = map[string]*keptToken{}
	}
	kept := &keptToken{turn: make(chan struct{}, 1)}
	kept.turn <- struct{}{}
	t.kept[name] = kept
	return kept
}
