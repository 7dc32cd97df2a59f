// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"strings"
	"sync"
)

// Output collects what a process writes while it is being read.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write adds text.
func (o *Output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(text)
}

// String is everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Lines are the whole lines so far.
func (o *Output) Lines() []string {
	text := o.String()
	end := strings.LastIndexByte(text, '\n')
	if end < 0 {
		return nil
	}
	return strings.Split(text[:end], "\n")
}

// Tail is the last lines so far, for a test's log.
func (o *Output) Tail(lines int) string {
	all := o.Lines()
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
