// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidemark-io/tidemark/platform/lifecycle"
)

var errBroken = errors.New("broken")

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestPartsStopInReverseOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g lifecycle.Group
		var order []string
		for _, name := range []string{"store", "controller", "server"} {
			g.Add(name, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second) // of fake time: stopping takes a while
				order = append(order, name)
				return nil
			})
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Minute, cancel)
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
		if diff := cmp.Diff([]string{"server", "controller", "store"}, order); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFirstErrorStopsAllAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g lifecycle.Group
		g.Add("good", untilDone)
		g.Add("done early", func(context.Context) error { return nil })
		g.Add("bad", func(context.Context) error { return errBroken })
		g.Add("worse on the way out", func(ctx context.Context) error { <-ctx.Done(); return errors.New("no disk") })
		err := g.Run(context.Background())
		if !errors.Is(err, errBroken) || err.Error() != "bad: broken\nworse on the way out: no disk" {
			t.Errorf("got %v", err)
		}
	})
}

func TestPanicIsAnErrorWithItsStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g lifecycle.Group
		g.Add("good", untilDone)
		g.Add("bad", func(context.Context) error { panic("at sea") })
		err := g.Run(context.Background())
		var caught *lifecycle.PanicError
		if !errors.As(err, &caught) || !strings.HasPrefix(err.Error(), "bad: panic: at sea\n") || !strings.Contains(err.Error(), "group_test.go") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAllDoneIsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g lifecycle.Group
		g.Add("one", func(context.Context) error { return nil })
		g.Add("two", func(context.Context) error { time.Sleep(time.Second); return nil })
		if err := g.Run(context.Background()); err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := new(lifecycle.Group).Run(context.Background()); err != nil {
			t.Errorf("an empty group: %v", err)
		}
	})
}

func TestPartThatDoesNotStopIsNamedAndLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := lifecycle.Group{StopTimeout: 5 * time.Second}
		release, stopped := make(chan struct{}), false
		g.Add("good", func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
		g.Add("deaf", func(context.Context) error { <-release; return nil })
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := g.Run(ctx)
		if err == nil || err.Error() != "deaf: did not stop within 5s" || !stopped {
			t.Errorf("got %v, stopped the others: %t", err, stopped)
		}
		close(release)
	})
}
