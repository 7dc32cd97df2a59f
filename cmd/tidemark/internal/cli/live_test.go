//go:build !windows

// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
)

func TestWatchRedrawsInPlaceOnATerminal(t *testing.T) {
	s := populated()
	address := s.serve(t)
	w := inTerminal(t, 100, 20, nil, "get", "image", "all", "-w", "--server", address)
	w.shows("first.txt", "flux-system")

	scanned := proto.CloneOf(s.repositories.objects["flux-system/new"])
	scanned.Status = &scannerv1.ImageRepositoryStatus{
		Conditions: isReady("successful scan: found 1 tags"), LastScanResult: &scannerv1.ScanResult{ScanTime: timestamppb.New(noon)},
	}
	s.repositories.changes <- scanned
	w.shows("changed.txt", "found 1 tags")

	// What is deleted is shown so, and then goes.
	s.policies.changes <- &metav1.ObjectDeleted{Namespace: "flux-system", Name: "waiting"}
	w.shows("deleted.txt", "deleted")
	w.waits("what was deleted to go", func(text string) bool { return !strings.Contains(text, "deleted") })
	w.shows("gone.txt", "1f3a9c2")

	// Rows that do not fit are counted.
	w.resize(60, 8)
	w.shows("small.txt", "more rows")
	w.resize(110, 24)
	w.shows("large.txt", "1f3a9c2' to b")

	w.key(3)
	code, left := w.end()
	if code != 0 || left.onOther || left.hidden || left.noWrap {
		t.Errorf("exit code %d; the terminal is left with %+v", code, left)
	}
	golden(t, "live/left.txt", left.text())
	if left.wipes != 3 {
		t.Errorf("the screen was wiped %d times; it is at the start and after each resize alone", left.wipes)
	}
	if raw := w.raw.String(); !strings.Contains(raw, "\x1b[1m") || !strings.Contains(raw, "\x1b[31m") {
		t.Errorf("what changed and what was deleted is not marked in %q", raw)
	}
}

func TestWatchIsPlainWhereColoursAreNotWanted(t *testing.T) {
	for name, test := range map[string]struct{ env, args []string }{
		"NO_COLOR":   {env: []string{"NO_COLOR=1"}},
		"--no-color": {args: []string{"--no-color"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := populated()
			args := append([]string{"get", "image", "policy", "-w", "--server", s.serve(t)}, test.args...)
			w := inTerminal(t, 80, 10, test.env, args...)
			w.contains("waiting")
			s.policies.changes <- &metav1.ObjectDeleted{Namespace: "flux-system", Name: "waiting"}
			w.contains("deleted")
			w.key(3)
			if code, _ := w.end(); code != 0 || strings.Contains(w.raw.String(), "\x1b[31m") {
				t.Errorf("exit code %d, written %q", code, w.raw.String())
			}
		})
	}
}

func TestWatchOnATerminalThatCannotDrawWritesRows(t *testing.T) {
	w := inTerminal(t, 80, 10, []string{"TERM=dumb"}, "get", "image", "update", "-w", "--server", populated().serve(t))
	w.contains("flux-system")
	w.key(3)
	if code, _ := w.end(); code != 0 || strings.Contains(w.raw.String(), "\x1b") {
		t.Errorf("exit code %d, written %q", code, w.raw.String())
	}
}

func TestWatchThatFailsLeavesTheTerminalAlone(t *testing.T) {
	w := inTerminal(t, 120, 10, nil, "get", "image", "update", "-w", "--server", unused(t))
	code, left := w.end()
	if code != 1 || left.onOther || !strings.HasPrefix(left.text(), "✗ no server answers on ") {
		t.Errorf("exit code %d, the screen shows\n%s", code, left.text())
	}
}

func TestWatchSaysOnTheScreenThatTheServerIsAway(t *testing.T) {
	s := populated()
	first, address := restartable(t, s, "127.0.0.1:0")
	w := inTerminal(t, 80, 10, nil, "get", "image", "update", "-w", "--server", address)
	w.contains("flux-system")
	first.Stop()
	w.contains("◎ the server on " + address + " went away; trying again")
	second, _ := restartable(t, s, address)
	defer second.Stop()
	w.waits("the server to be back", func(text string) bool {
		return !strings.Contains(text, "away") && strings.Contains(text, "flux-system")
	})
	w.key(3)
	if code, _ := w.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// restartable serves on an address until it is stopped.
func restartable(t *testing.T, s *services, at string) (server *grpc.Server, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	server = grpc.NewServer()
	updaterv1.RegisterImageUpdateAutomationServiceServer(server, s)
	go func() { _ = server.Serve(listener) }() // it ends with Stop
	t.Cleanup(server.Stop)
	return server, listener.Addr().String()
}

// stepwise is a run whose steps are sent as a test says.
func stepwise(s *services) (steps chan<- string) {
	told := make(chan string)
	s.run = func(stream grpc.ServerStreamingServer[updaterv1.RunImageUpdateAutomationResponse]) error {
		for step := range told {
			event := &updaterv1.RunImageUpdateAutomationResponse_Step{Step: &updaterv1.RunStep{Message: step}}
			if err := stream.Send(&updaterv1.RunImageUpdateAutomationResponse{Event: event}); err != nil {
				return err
			}
		}
		return stream.Send(&updaterv1.RunImageUpdateAutomationResponse{Event: &updaterv1.RunImageUpdateAutomationResponse_Run{Run: &updaterv1.Run{
			Outcome: updaterv1.RunOutcome_RUN_OUTCOME_PUSHED, Branch: "main", Commit: "1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112",
			Changes: []*updaterv1.RunChange{{Path: "apps/app.yaml", Line: 12, OldValue: "app:7.8.0", NewValue: "app:7.8.1"}},
		}}})
	}
	return told
}

func TestRunShowsALongFetchOnOneLine(t *testing.T) {
	s := newServices()
	steps := stepwise(s)
	address := s.serve(t)
	w := inTerminal(t, 80, 12, nil, "run", "automation", "app", "--server", address)
	w.contains("⠙ working") // the server has not said a word yet
	for i := range 5 {
		steps <- fmt.Sprintf("fetching: %d objects, %d.0 MiB", i*1000, i)
	}
	w.contains("fetching: 4000 objects, 4.0 MiB")
	steps <- "fetched main at 5f21c2e"
	w.contains("fetched main at 5f21c2e")
	close(steps)
	code, left := w.end()
	if code != 0 || left.onOther {
		t.Errorf("exit code %d", code)
	}
	golden(t, "live/run.txt", left.text())
}

func TestRunWritesEachStepWhereNobodyLooks(t *testing.T) {
	s := newServices()
	steps := stepwise(s)
	go func() {
		defer close(steps)
		steps <- "fetching: 1000 objects, 1.0 MiB"
		steps <- "fetched main at 5f21c2e"
	}()
	tidemark(t, s.serve(t), "run", "automation", "app", "-n", "apps").wants(t, terminal{
		err: "► running ImageUpdateAutomation app in apps namespace\n◎ fetching: 1000 objects, 1.0 MiB\n◎ fetched main at 5f21c2e\n" +
			"✔ apps/app.yaml:12 app:7.8.0 → app:7.8.1\n✔ committed revision main@sha1:1f3a9c2d\n",
	})
}
