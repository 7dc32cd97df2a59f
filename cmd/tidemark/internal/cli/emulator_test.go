//go:build !windows

// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

// emulator understands what a terminal does with the control sequences that this program writes, and with no others: one that
// it does not know is a failure.
type emulator struct {
	columns, rows int
	main, other   [][]rune
	onOther       bool
	row, column   int
	saved         [2]int // the cursor on the main screen
	hidden        bool   // the cursor
	noWrap        bool
	unknown       []string
	wipes         int
	pending       []rune
}

func newEmulator(columns, rows int) *emulator {
	e := &emulator{}
	e.resize(columns, rows)
	return e
}

func (e *emulator) resize(columns, rows int) {
	e.columns, e.rows = columns, rows
	e.main, e.other = sized(e.main, columns, rows), sized(e.other, columns, rows)
	e.row, e.column = min(e.row, rows-1), min(e.column, columns-1)
}

func sized(old [][]rune, columns, rows int) [][]rune {
	grid := make([][]rune, rows)
	for i := range grid {
		grid[i] = []rune(strings.Repeat(" ", columns))
		if i < len(old) {
			copy(grid[i], old[i])
		}
	}
	return grid
}

func (e *emulator) grid() [][]rune {
	if e.onOther {
		return e.other
	}
	return e.main
}

// text is what a person sees, without the blanks at the ends.
func (e *emulator) text() string {
	var b strings.Builder
	for _, line := range e.grid() {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (e *emulator) write(text []rune) {
	text = append(e.pending, text...)
	e.pending = nil
	for len(text) > 0 {
		switch r := text[0]; r {
		case 0x1b:
			rest, complete := e.sequence(text)
			if !complete {
				e.pending = text
				return
			}
			text = rest
			continue
		case '\n':
			e.down()
		case '\r':
			e.column = 0
		case '\t':
			e.column = min((e.column/8+1)*8, e.columns-1)
		case '\a', '\b':
		default:
			e.put(r)
		}
		text = text[1:]
	}
}

func (e *emulator) put(r rune) {
	if e.column == e.columns {
		if e.noWrap {
			e.column--
		} else {
			e.column = 0
			e.down()
		}
	}
	e.grid()[e.row][e.column] = r
	e.column++
}

func (e *emulator) down() {
	if e.row < e.rows-1 {
		e.row++
		return
	}
	grid := e.grid()
	copy(grid, grid[1:])
	grid[e.rows-1] = []rune(strings.Repeat(" ", e.columns))
}

// sequence obeys ESC [ parameters letter.
func (e *emulator) sequence(text []rune) (rest []rune, complete bool) {
	for i := 2; i < len(text); i++ {
		if text[i] >= '@' && text[i] <= '~' {
			e.obey(string(text[2:i]), text[i])
			return text[i+1:], true
		}
	}
	return nil, false
}

func (e *emulator) obey(parameters string, letter rune) {
	switch command := parameters + string(letter); {
	case command == "?1049h":
		e.onOther, e.other, e.saved = true, sized(nil, e.columns, e.rows), [2]int{e.row, e.column}
	case command == "?1049l":
		e.onOther, e.row, e.column = false, e.saved[0], e.saved[1]
	case command == "?25l", command == "?25h":
		e.hidden = letter == 'l'
	case command == "?7l", command == "?7h":
		e.noWrap = letter == 'l'
	case command == "2J":
		e.wipes++
		e.erase(0, 0)
	case command == "J":
		e.erase(e.row, e.column)
	case command == "K":
		for i := min(e.column, e.columns); i < e.columns; i++ {
			e.grid()[e.row][i] = ' '
		}
	case letter == 'm':
	case letter == 'H':
		row, column, _ := strings.Cut(parameters, ";")
		e.row, e.column = min(number(row), e.rows)-1, min(number(column), e.columns)-1
	default:
		e.unknown = append(e.unknown, command)
	}
}

func (e *emulator) erase(row, column int) {
	for i := row; i < e.rows; i++ {
		for j := range e.grid()[i] {
			if i > row || j >= column {
				e.grid()[i][j] = ' '
			}
		}
	}
}

func number(text string) int {
	n := 0
	for _, r := range text {
		n = n*10 + int(r-'0')
	}
	return max(n, 1)
}

// seen is this program in a terminal of its own.
type seen struct {
	t        *testing.T
	cmd      *exec.Cmd
	terminal *os.File
	fed      chan struct{}
	ended    chan struct{}

	mu       sync.Mutex
	emulator *emulator
	raw      strings.Builder
}

// inTerminal starts this program as a process whose terminal is a real pseudo-terminal.
func inTerminal(t *testing.T, columns, rows int, env []string, args ...string) *seen {
	t.Helper()
	s := &seen{t: t, emulator: newEmulator(columns, rows), fed: make(chan struct{}, 1), ended: make(chan struct{})}
	s.cmd = exec.Command(os.Args[0], args...)
	s.cmd.Env = append([]string{beTidemark + "=1", "TERM=xterm-256color", "TZ=UTC", "PATH=" + os.Getenv("PATH")}, env...)
	var err error
	s.terminal, err = pty.StartWithSize(s.cmd, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)})
	if err != nil {
		t.Fatal(err)
	}
	go s.read()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // mostly it has ended
		<-s.ended
		_ = s.terminal.Close()
	})
	return s
}

func (s *seen) read() {
	defer close(s.ended)
	buffer := make([]byte, 4096)
	var part []byte
	for {
		n, err := s.terminal.Read(buffer)
		part = append(part, buffer[:n]...)
		whole := len(part)
		for whole > 0 && whole > len(part)-4 && !validEnd(part[:whole]) {
			whole--
		}
		s.mu.Lock()
		s.raw.Write(buffer[:n])
		s.emulator.write([]rune(string(part[:whole])))
		s.mu.Unlock()
		part = append([]byte(nil), part[whole:]...)
		select {
		case s.fed <- struct{}{}:
		default:
		}
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) || errors.Is(err, os.ErrClosed) {
			return // EIO is how Linux says that the process has ended
		}
		if err != nil {
			s.t.Errorf("read the terminal: %v", err)
			return
		}
	}
}

// validEnd says that no character is cut at the end.
func validEnd(text []byte) bool { return !strings.HasSuffix(string([]rune(string(text))), "\uFFFD") }

// shows waits until the screen is the golden testdata/live/<name>. When goldens are written anew, it waits until the screen has
// the sign, and then until nothing has changed for a while.
func (s *seen) shows(name, sign string) {
	s.t.Helper()
	path := filepath.Join("testdata", "live", name)
	want, err := os.ReadFile(path)
	anew := os.Getenv("TIDEMARK_UPDATE_GOLDENS") != ""
	if err != nil && !anew {
		s.t.Fatal(err)
	}
	var text string
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		text = s.emulator.text()
		s.mu.Unlock()
		if !anew && text == string(want) {
			return
		}
		var still <-chan time.Time
		if anew && strings.Contains(text, sign) {
			still = time.After(time.Second)
		}
		select {
		case <-s.fed:
		case <-still:
			golden(s.t, "live/"+name, text)
			return
		case <-deadline:
			s.t.Fatalf("%s (-want +got):\n%s", name, cmp.Diff(string(want), text))
		}
	}
}

// contains waits until the screen has some text.
func (s *seen) contains(text string) {
	s.t.Helper()
	s.waits(text, func(screen string) bool { return strings.Contains(screen, text) })
}

// waits until the screen is as it should be.
func (s *seen) waits(what string, is func(screen string) bool) {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		screen := s.emulator.text()
		s.mu.Unlock()
		if is(screen) {
			return
		}
		select {
		case <-s.fed:
		case <-deadline:
			s.t.Fatalf("waited for %s; the screen shows\n%s", what, screen)
		}
	}
}

// key presses a key; 3 is Ctrl-C.
func (s *seen) key(k byte) {
	s.t.Helper()
	if _, err := s.terminal.Write([]byte{k}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *seen) resize(columns, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.emulator.resize(columns, rows)
	s.mu.Unlock()
	if err := pty.Setsize(s.terminal, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the program's end, and says how the terminal was left.
func (s *seen) end() (code int, left *emulator) {
	s.t.Helper()
	var failed *exec.ExitError
	if err := s.cmd.Wait(); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.emulator.unknown) > 0 {
		s.t.Errorf("sequences that no terminal was asked about: %q", s.emulator.unknown)
	}
	return code, s.emulator
}
