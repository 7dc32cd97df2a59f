// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package screen

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// frame is how long a spinner stands still.
const frame = 100 * time.Millisecond

// Line is one line below what is written for good: what is done now, with a spinner and the seconds it takes. What is written
// through it for good goes above. It may be used from many goroutines.
type Line struct {
	out  io.Writer
	file *os.File // nil: not a terminal, and there is no such line

	mu    sync.Mutex
	text  string
	since time.Time
	shown bool
	turn  int

	end  chan struct{}
	done chan struct{}
}

// NewLine makes a Line at the end of out. Where out is no terminal, there is none: text that is written goes through,
// and [Line.Set] says so.
func NewLine(out io.Writer, getenv func(string) string) *Line {
	l := &Line{out: out, file: Of(out, getenv), since: time.Now(), end: make(chan struct{}), done: make(chan struct{})}
	if l.file == nil {
		close(l.done)
		return l
	}
	go l.spin()
	return l
}

// Set says what is done now, in place of what was. False: there is no line to say it on.
func (l *Line) Set(text string) bool {
	if l.file == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text == "" {
		l.since = time.Now()
	}
	l.text = text
	if l.shown {
		l.draw()
	}
	return true
}

// Write writes text for good, above the line.
func (l *Line) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	l.text, l.since = "", time.Now()
	n, err := l.out.Write(text)
	if err != nil {
		err = fmt.Errorf("write to the terminal: %w", err)
	}
	return n, err
}

// Close takes the line away.
func (l *Line) Close() {
	l.mu.Lock()
	select {
	case <-l.end:
	default:
		close(l.end)
	}
	l.mu.Unlock()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}

// spin draws the line again and again, once something has taken longer than three frames: what is quick needs none.
func (l *Line) spin() {
	defer close(l.done)
	ticks := time.NewTicker(frame)
	defer ticks.Stop()
	for {
		select {
		case <-l.end:
			return
		case <-ticks.C:
		}
		l.mu.Lock()
		if time.Since(l.since) > 3*frame {
			l.turn++
			l.draw()
		}
		l.mu.Unlock()
	}
}

// draw shows the line; the cursor stays at its end, and what was longer is erased.
func (l *Line) draw() {
	columns, _ := size(l.file)
	text := l.text
	if text == "" {
		text = "working"
	}
	spinner := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	line := fmt.Sprintf("%c %s", spinner[l.turn%len(spinner)], text)
	if took := time.Since(l.since).Truncate(time.Second); took > 0 {
		line += ", " + took.String()
	}
	// One column is left free: some terminals wrap at the last one already.
	_, _ = l.file.WriteString("\r" + fit(line, columns-1) + restOfLine) // there is nowhere left to say that it is closed
	l.shown = true
}

func (l *Line) erase() {
	if l.shown {
		_, _ = l.file.WriteString("\r" + restOfLine)
		l.shown = false
	}
}
