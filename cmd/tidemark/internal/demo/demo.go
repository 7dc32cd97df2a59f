// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// patience bounds the whole story; it takes seconds where nothing is wrong.
const patience = 2 * time.Minute

// Options says how the story is told.
type Options struct {
	// Keep leaves everything running after the story, until the context ends.
	Keep bool
	// Listen and HTTPListen are the services' addresses. Empty: free ports, or with Keep 127.0.0.1:9000 and
	// 127.0.0.1:9100, which the printed lines then name.
	Listen, HTTPListen string
	// Out takes the story, Logs the services' log lines.
	Out, Logs io.Writer
	// Table shows the objects.
	Table Table
}

// Table prints what `tidemark get image all` prints, asking the server at an address.
type Table func(ctx context.Context, server string, out io.Writer) error

// Run tells the story. The error names the step that was not seen.
func Run(ctx context.Context, options Options) error {
	if options.Keep {
		options.Listen = cmp.Or(options.Listen, "127.0.0.1:9000")
		options.HTTPListen = cmp.Or(options.HTTPListen, "127.0.0.1:9100")
	}
	stage, err := newStage(ctx, options)
	if err != nil {
		return fmt.Errorf("demo: set the stage: %w", err)
	}
	told := tell(ctx, stage, options)
	if told == nil && options.Keep {
		stage.printAddresses(options.Out)
		<-ctx.Done()
	}
	addresses := stage.addresses()
	if err := errors.Join(told, stage.close()); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := checkFreed(addresses, stage.dir); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	say(options.Out, "✔", "ended: every port is free again, and the temporary folder is gone")
	return nil
}

// tell goes through the chapters.
func tell(ctx context.Context, stage *stage, options Options) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	story, err := newStory(ctx, stage, options)
	if err != nil {
		return err
	}
	defer story.close()
	for _, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"a registry with two tags, a Git repository that runs the older one", story.publish},
		{"the scanner lists the tags, the resolver picks one", story.scanAndResolve},
		{"nothing is written yet: there is no automation", story.gitIsUntouched},
		{"with an automation, the updater commits the choice", story.automate},
		{"two more tags are pushed; the policy wants one of them", story.pushMore},
	} {
		_, _ = fmt.Fprintf(options.Out, "\n%s\n", chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return fmt.Errorf("%s: %w", chapter.title, err)
		}
	}
	return nil
}

// say prints one line of the story; a reader who has gone away is no reason to fail.
func say(out io.Writer, symbol, format string, args ...any) {
	_, _ = fmt.Fprintf(out, "%s %s\n", symbol, fmt.Sprintf(format, args...))
}
