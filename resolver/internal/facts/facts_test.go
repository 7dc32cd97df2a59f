// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// asker answers each tag with its own digest, after a while, and counts.
type asker struct {
	asked, atOnce, most atomic.Int64
	fail                error
	problem             string
}

func (a *asker) Inspect(
	_ context.Context, _ object.Key, tag, _ string, _ []scannerv1.TagMetadata, _ bool,
) (*scannerv1.Tag, error) {
	n := a.atOnce.Add(1)
	defer a.atOnce.Add(-1)
	for most := a.most.Load(); n > most && !a.most.CompareAndSwap(most, n); most = a.most.Load() {
	}
	time.Sleep(time.Millisecond)
	a.asked.Add(1)
	if a.fail != nil {
		return nil, a.fail
	}
	return &scannerv1.Tag{Name: tag, Digest: "sha256:" + tag, MetadataError: a.problem}, nil
}

func (a *asker) List(
	context.Context, object.Key, string, string, []scannerv1.TagMetadata,
) ([]*scannerv1.Tag, string, error) {
	return nil, "again", nil // a scanner that never comes to an end
}

func TestAnswersAreRememberedAsLongAsTheyHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{}
		s := New(a)
		moved := int64(0)
		of := Subject{UID: "u", Revision: 3, MovedAt: func(string) int64 { return moved }}
		ask := func(tag string, want Want) {
			t.Helper()
			if fact, err := s.Of(t.Context(), of, tag, want, time.Minute, false); err != nil || fact.Digest != "sha256:"+tag {
				t.Fatalf("got %+v, %v", fact, err)
			}
		}
		expect := func(what string, want int64) {
			t.Helper()
			if got := a.asked.Load(); got != want {
				t.Errorf("%s: asked %d times, want %d", what, got, want)
			}
		}
		ask("a", Digest)
		ask("a", Digest)
		expect("the same", 1)
		ask("a", Digest|Labels)
		ask("b", Digest)
		expect("something else", 3)
		time.Sleep(time.Minute)
		ask("a", Digest)
		expect("later", 4)
		moved = 4
		ask("a", Digest)
		expect("moved", 5)
		of.Revision = 4
		ask("a", Digest)
		ask("a", Digest)
		expect("of the revision that moved it", 6)
		of.UID = "v"
		ask("a", Digest)
		expect("another repository", 7)
		a.problem = "half of it"
		ask("c", Digest)
		ask("c", Digest)
		expect("with a problem", 9)
	})
}

func TestManyAreAskedAboutFewAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{}
		s := New(a)
		tags := make([]string, 100)
		for i := range tags {
			tags[i] = fmt.Sprint(i)
		}
		found, err := s.All(t.Context(), Subject{UID: "u"}, "", tags, Digest, time.Hour)
		if err != nil || len(found) != 100 || found[42].Digest != "sha256:42" {
			t.Fatalf("got %d, %v", len(found), err)
		}
		if most := a.most.Load(); most > atOnce {
			t.Errorf("%d at once", most)
		}
		a.fail = status.Error(codes.NotFound, "gone")
		if found, err = s.All(t.Context(), Subject{UID: "v"}, "", tags, Digest, time.Hour); err != nil || found[0].Digest != "" {
			t.Errorf("tags that are gone: %v", err)
		}
		if _, err = s.Of(t.Context(), Subject{UID: "v"}, "0", Digest, time.Hour, false); !errors.Is(err, ErrGone) {
			t.Errorf("a tag that is gone: %v", err)
		}
		a.fail = status.Error(codes.Unavailable, "asleep")
		if _, err = s.All(t.Context(), Subject{UID: "v"}, "", tags, Digest, time.Hour); !errors.Is(err, a.fail) {
			t.Errorf("a registry that is asleep: %v", err)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	c := newCache()
	long := strings.Repeat("x", 1<<20)
	for i := range 100 {
		c.put(cacheKey{tag: fmt.Sprint(i % 60)}, kept{fact: Fact{Labels: map[string]string{"a": long}}})
	}
	if c.cost > maxCost || len(c.byKey) != c.order.Len() || len(c.byKey) > 32 || len(c.byKey) < 30 {
		t.Errorf("%d answers of %d bytes", len(c.byKey), c.cost)
	}
	if _, ok := c.get(cacheKey{tag: fmt.Sprint(99 % 60)}); !ok {
		t.Error("the last one is not remembered")
	}
}
