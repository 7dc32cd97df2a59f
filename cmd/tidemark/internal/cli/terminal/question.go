// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package terminal

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

// ErrAborted says that a person answered anything but yes.
var ErrAborted = errors.New("aborting")

// Asks says whether a person sits at in, who can be asked.
func Asks(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// Confirm asks a person a question and returns nil for y or yes. Errors: ErrAborted for anything else, the end of the input
// too; the context's where it ends first.
func (p Progress) Confirm(ctx context.Context, in io.Reader, question string) error {
	p.write("? " + Clean(question) + " [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n') // what is read before an error is the answer
		answer <- line
	}()
	select {
	case <-ctx.Done():
		p.write("\n") // the question's line is not ended
		return context.Cause(ctx)
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") {
			p.write("\n")
		}
		if word := strings.ToLower(strings.TrimSpace(line)); word == "y" || word == "yes" {
			return nil
		}
		return ErrAborted
	}
}
