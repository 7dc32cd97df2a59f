// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// maxToken bounds a token, in bytes; servers take 64 KiB of headers.
	maxToken = 16 << 10
	// maxComplaint bounds what is shown of a failed command's standard error, in bytes.
	maxComplaint = 512
	// defaultTimeout bounds a command that is to print a token.
	defaultTimeout = 10 * time.Second
	// grace is how long a command's children may keep its output open after its end.
	grace = time.Second
)

// Read gets the token: from the file, or from the command's standard output. It is in no error.
func (t *Token) Read(ctx context.Context) (string, error) {
	if t.File != "" {
		return t.fromFile()
	}
	return t.fromCommand(ctx)
}

func (t *Token) fromFile() (string, error) {
	f, err := os.Open(t.File)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token, err := clean(text)
	if err != nil {
		return "", fmt.Errorf("the token in %s: %w", t.File, err)
	}
	return token, nil
}

func (t *Token) fromCommand(ctx context.Context) (string, error) {
	timeout := t.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it printed none within %s", timeout))
	defer cancel()
	out, complaint := &limited{most: maxToken + 1}, &limited{most: maxComplaint}
	cmd := exec.CommandContext(ctx, t.Command[0], t.Command[1:]...) //nolint:gosec // the person's own file names it; no shell reads it
	cmd.Stdout, cmd.Stderr = out, complaint
	cmd.WaitDelay = grace
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("the command for the token, %s: %w", t.Command[0], context.Cause(ctx))
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", fmt.Errorf("the command for the token, %s: %w%s", t.Command[0], err, complaint.said())
	}
	token, err := clean(out.text.Bytes())
	if err != nil {
		return "", fmt.Errorf("the command for the token, %s: %w", t.Command[0], err)
	}
	return token, nil
}

// clean is a token without the white space around it. Its errors do not show it.
func clean(text []byte) (string, error) {
	if len(text) > maxToken {
		return "", fmt.Errorf("it is longer than %d bytes", maxToken)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", errors.New("it is empty")
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return "", errors.New("it is no token: one word of printable ASCII is wanted")
		}
	}
	return token, nil
}

// limited keeps the beginning of what is written, and takes the rest without keeping it.
type limited struct {
	text bytes.Buffer
	most int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	l.text.Write(p[:min(len(p), l.most-l.text.Len())])
	return len(p), nil
}

// said is the last line, for the end of a sentence.
func (l *limited) said() string {
	lines := strings.Split(strings.TrimSpace(l.text.String()), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return ": " + last
	}
	return ""
}
