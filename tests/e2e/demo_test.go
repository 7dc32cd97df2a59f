// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tidemark-io/tidemark/tests/harness"
)

// story is what the demo must tell, in this order.
func story() []string {
	return []string{
		"successful scan: found 2 tags",
		"resolved to 7.8.1",
		"imagerepository/8-demo-image-repo-bb-app",
		"imagepolicy/8-demo-image-policy-bb-app",
		":7.8.0",
		"commit ",
		":7.8.1",
		"successful scan: found 4 tags",
		"resolved to 7.8.2",
		":7.8.2",
	}
}

func TestTheDemoTellsItsStoryAndLeavesNothing(t *testing.T) {
	t.Parallel()
	demo, temp := newDemo(t)
	demo.Start(t)
	if err := demo.Wait(harness.Patience); err != nil {
		t.Fatal(err)
	}
	toldAll(t, demo)
	leftNothing(t, demo, temp)
}

func TestTheKeptDemoRunsUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	demo, temp := keptDemo(t)
	toldAll(t, demo)
	demo.Signal(t, syscall.SIGINT)
	if err := demo.Wait(harness.Patience); err != nil {
		t.Fatal(err)
	}
	leftNothing(t, demo, temp)
}

// newDemo is a demo whose temporary files go to a folder of their own.
func newDemo(t *testing.T, args ...string) (demo *harness.Process, temp string) {
	t.Helper()
	temp = t.TempDir()
	return harness.NewProcess(t, "demo", suite.Programs.Path("tidemark"), append([]string{"demo"}, args...), []string{"TMPDIR=" + temp}), temp
}

// keptDemo is a demo that has told its story and still runs.
func keptDemo(t *testing.T) (demo *harness.Process, temp string) {
	t.Helper()
	demo, temp = newDemo(t, "--keep", "--listen", suite.Ports.Address(t), "--http-listen", suite.Ports.Address(t))
	demo.Start(t)
	harness.Await(t, "the kept demo's last words", func(context.Context) error {
		if err := demo.Gone(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(demo.Stdout.String(), "until you press Ctrl-C") || !strings.Contains(demo.Stdout.String(), "get image all --server") {
			return errors.New("it is still at work")
		}
		return nil
	})
	return demo, temp
}

func toldAll(t *testing.T, demo *harness.Process) {
	t.Helper()
	rest := demo.Stdout.String()
	for _, words := range story() {
		_, after, ok := strings.Cut(rest, words)
		if !ok {
			t.Fatalf("the story lacks %q after what came before; all of it:\n%s", words, demo.Stdout.String())
		}
		rest = after
	}
	// Each commit's diff is one line.
	var removed, added int
	for _, line := range demo.Stdout.Lines() {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "-") && strings.Contains(line, "image:") {
			removed++
		}
		if strings.HasPrefix(line, "+") && strings.Contains(line, "image:") {
			added++
		}
	}
	if removed != 2 || added != 2 {
		t.Errorf("the diffs have %d lines away and %d in; want two each:\n%s", removed, added, demo.Stdout.String())
	}
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// leftNothing makes sure that every port the demo named is free and its temporary folder empty.
func leftNothing(t *testing.T, demo *harness.Process, temp string) {
	t.Helper()
	addresses := loopback.FindAllString(demo.Stdout.String(), -1)
	slices.Sort(addresses)
	if addresses = slices.Compact(addresses); len(addresses) < 3 {
		t.Errorf("the demo names %q; want a registry, a Git server and the services", addresses)
	}
	for _, address := range addresses {
		if !harness.IsFree(address) {
			t.Errorf("%s is still taken", address)
		}
	}
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	if _, err := os.Stat(temp); err != nil {
		t.Error(err)
	}
}
