// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestMainPrintsAnErrorAndExitsWithOne(t *testing.T) {
	var stderr bytes.Buffer
	code := exitCode(func(context.Context) error { return errors.New("no config") }, &stderr)
	if code != 1 || stderr.String() != "error: no config\n" {
		t.Errorf("code %d, %q", code, stderr.String())
	}
}

func TestMainEndsItsContextAtSIGTERM(t *testing.T) {
	var stderr bytes.Buffer
	code := exitCode(func(ctx context.Context) error {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}, &stderr)
	if code != 0 || stderr.Len() != 0 {
		t.Errorf("code %d, %q", code, stderr.String())
	}
}
