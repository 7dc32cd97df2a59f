// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/guard"
	"github.com/tidemark-io/tidemark/updater/marker"
)

const (
	none     = updaterv1.HoldReason_HOLD_REASON_UNSPECIFIED
	older    = updaterv1.HoldReason_HOLD_REASON_DOWNGRADE
	reverted = updaterv1.HoldReason_HOLD_REASON_REVERTED
	unknown  = updaterv1.HoldReason_HOLD_REASON_NOT_COMPARED
	sibling  = updaterv1.HoldReason_HOLD_REASON_SIBLING
)

var (
	app    = object.KeyOf("", "app")
	before = time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	later  = before.Add(time.Hour)
)

// past is a guard.History.
type past struct {
	writes  map[guard.Place][]guard.Write
	refused map[guard.Place]int64
}

func (p past) Writes(at guard.Place) []guard.Write { return p.writes[at] }
func (p past) Refused(at guard.Place) (int64, bool) {
	generation, ok := p.refused[at]
	return generation, ok
}

// branch is a guard.Ancestry of the commits that are in the tip, and those that the branch was rewound past.
type branch struct {
	contains, rewound string
	asked             atomic.Int32
	err               error
}

func (b *branch) Contains(_ context.Context, commit string) (bool, error) {
	b.asked.Add(1)
	return strings.Contains(b.contains, commit), b.err
}

func (b *branch) RewoundPast(_ context.Context, w guard.Write) (bool, error) {
	return strings.Contains(b.rewound, w.Commit), b.err
}

// numbers compares tags as numbers, with an optional v before them; others are not eligible.
type numbers struct {
	mu          sync.Mutex
	calls       []string
	now, atOnce int
	fails       error
	answer      func(ctx context.Context) // nil: at once
}

func (n *numbers) CompareTags(
	ctx context.Context, in *resolverv1.CompareTagsRequest, _ ...grpc.CallOption,
) (*resolverv1.CompareTagsResponse, error) {
	n.mu.Lock()
	n.calls = append(n.calls, fmt.Sprintf("%s %s %s", in.GetImagePolicyRef().GetName(), in.GetCurrent(), in.GetProposed()))
	n.now++
	n.atOnce = max(n.atOnce, n.now)
	n.mu.Unlock()
	if n.answer != nil {
		n.answer(ctx)
	}
	n.mu.Lock()
	n.now--
	n.mu.Unlock()
	if ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if n.fails != nil {
		return nil, n.fails
	}
	a, b := number(in.GetCurrent()), number(in.GetProposed())
	switch {
	case a < 0:
		return &resolverv1.CompareTagsResponse{Comparison: resolverv1.Comparison_COMPARISON_CURRENT_NOT_ELIGIBLE}, nil
	case b < a:
		return &resolverv1.CompareTagsResponse{
			Comparison: resolverv1.Comparison_COMPARISON_OLDER, Reason: in.GetProposed() + " is older than " + in.GetCurrent(),
		}, nil
	case b == a:
		return &resolverv1.CompareTagsResponse{Comparison: resolverv1.Comparison_COMPARISON_EQUAL}, nil
	}
	return &resolverv1.CompareTagsResponse{Comparison: resolverv1.Comparison_COMPARISON_NEWER}, nil
}

// number is -1 for what is none.
func number(tag string) float64 {
	n, err := strconv.ParseFloat(strings.TrimPrefix(tag, "v"), 64)
	if err != nil {
		return -1
	}
	return n
}

// tag is an edit of a tag by the policy app.
func tag(node, old, now string) guard.Edit { return edit(marker.Tag, node, old, now) }

func edit(part marker.Part, node, old, now string) guard.Edit {
	return guard.Edit{
		Place: guard.Place{Path: "app.yaml", Node: node}, Line: 7,
		Ref: marker.Ref{Namespace: app.Namespace, Name: app.Name, Part: part}, Old: old, New: now,
		Policy: guard.Policy{Key: app, Generation: 1, Image: marker.SplitReference("registry/app:" + now)},
	}
}

// chain is the writes at one place that led from value to value, the last first; `1>2@c1` was made by commit c1.
func chain(steps ...string) []guard.Write {
	var writes []guard.Write
	for i, step := range steps {
		values, commit, _ := strings.Cut(step, "@@")
		old, now, _ := strings.Cut(values, ">")
		writes = append([]guard.Write{{
			RunID: strconv.Itoa(i), Commit: commit, Base: "before " + commit, Branch: "main", URL: "https://git/r",
			Ended: before.Add(time.Duration(i) * time.Second), Old: old, New: now, PolicyGeneration: 1,
		}}, writes...)
	}
	return writes
}

func at(node string, writes []guard.Write) past {
	return past{writes: map[guard.Place][]guard.Write{{Path: "app.yaml", Node: node}: writes}}
}

// question asks about main of https://git/r.
func question(h past, b *branch, edits ...guard.Edit) guard.Question {
	return guard.Question{Edits: edits, Branch: "main", URL: "https://git/r", History: h, Ancestry: b}
}

func judge(t *testing.T, n *numbers, q guard.Question) map[int]*updaterv1.HeldValue {
	t.Helper()
	held, err := guard.New(n).Judge(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestWhatSomebodyHasUndoneIsHeld(t *testing.T) {
	for _, test := range []struct {
		name     string
		chain    []guard.Write
		edit     guard.Edit
		contains string // commits in the tip
		rewound  string // commits that the branch was rewound past
		change   func(*guard.Question)
		want     updaterv1.HoldReason
		commit   string
	}{
		{name: "a value that was never written by us", edit: tag("tag", "1", "2"), want: none},
		{name: "the next value after ours", chain: chain("1>2@@c1"), edit: tag("tag", "2", "3"), contains: "c1", want: none},
		{name: "our commit was reverted", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), contains: "c1", want: reverted, commit: "c1"},
		{name: "reverted, and the policy has moved past", chain: chain("1>2@@c1"), edit: tag("tag", "1", "3"), contains: "c1", want: none},
		{name: "the last of two commits was reverted", chain: chain("1>2@@c1", "2>3@@c2"), edit: tag("tag", "2", "3"),
			contains: "c1 c2", want: reverted, commit: "c2"},
		{name: "both of two commits were reverted, and the policy says the last", chain: chain("1>2@@c1", "2>3@@c2"),
			edit: tag("tag", "1", "3"), contains: "c1 c2", want: reverted, commit: "c2"},
		{name: "both were reverted, and the policy says the first", chain: chain("1>2@@c1", "2>3@@c2"),
			edit: tag("tag", "1", "2"), contains: "c1 c2", want: reverted, commit: "c1"},
		{name: "the last was reverted, and the policy goes back to one older than the undone", chain: chain("0>1@@c0", "1>2@@c1", "2>3@@c2"),
			edit: tag("tag", "2", "1"), contains: "c0 c1 c2", change: allow, want: none},
		{name: "an earlier detour to the value is no reason", chain: chain("1>2@@c1", "2>1@@c2", "1>3@@c3"),
			edit: tag("tag", "1", "2"), contains: "c1 c2 c3", want: none},
		{name: "values flap between two by our own commits", chain: chain("1>2@@c1", "2>1@@c2"), edit: tag("tag", "1", "2"),
			contains: "c1 c2", want: none},
		{name: "values flapped, and the last flap was reverted", chain: chain("1>2@@c1", "2>1@@c2"), edit: tag("tag", "2", "1"),
			contains: "c1 c2", change: allow, want: reverted, commit: "c2"},
		{name: "a value of somebody's own stands", chain: chain("1>2@@c1"), edit: tag("tag", "1.5", "2"), contains: "c1", want: none},
		{name: "another file has the old value: a copy", chain: chain("1>2@@c1"), edit: elsewhere(tag("tag", "1", "2")), contains: "c1", want: none},
		{name: "another document of the file", chain: chain("1>2@@c1"), edit: document(1, tag("tag", "1", "2")), contains: "c1", want: none},
		{name: "another branch", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), contains: "c1",
			change: func(q *guard.Question) { q.Branch = "release" }, want: none},
		{name: "another remote", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), contains: "c1",
			change: func(q *guard.Question) { q.URL = "https://git/other" }, want: none},
		{name: "recorded by a version that did not name the remote", chain: nameless(chain("1>2@@c1")), edit: tag("tag", "1", "2"),
			contains: "c1", want: reverted, commit: "c1"},
		{name: "the branch was rewound past our commit", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), rewound: "c1",
			want: reverted, commit: "c1"},
		{name: "the branch was rewound past the last of two", chain: chain("1>2@@c1", "2>3@@c2"), edit: tag("tag", "2", "3"),
			contains: "c1", rewound: "c2", want: reverted, commit: "c2"},
		{name: "the branch was rewound past both", chain: chain("1>2@@c1", "2>3@@c2"), edit: tag("tag", "1", "3"),
			rewound: "c1 c2", want: reverted, commit: "c2"},
		{name: "rewound past both, and by another road at what the last wrote", chain: chain("0>1@@c0", "1>2@@c1", "2>0@@c2"),
			edit: tag("tag", "0", "1"), contains: "c0", rewound: "c1 c2", want: reverted, commit: "c0"},
		{name: "the push branch was merged, deleted, and the merge is in the base", chain: chain("1>2@@c1"),
			edit: tag("tag", "2", "3"), contains: "c1", want: none},
		{name: "the push branch is built anew: our commit is nowhere", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), want: none},
		{name: "built anew twice", chain: chain("1>2@@c1", "1>3@@c2"), edit: tag("tag", "1", "3"), want: none},
		{name: "built anew after a revert in the base: what was reverted is held", chain: chain("1>2@@c1", "1>3@@c2"),
			edit: tag("tag", "1", "2"), contains: "c1", want: reverted, commit: "c1"},
		{name: "built anew after a revert in the base: what is past it is not", chain: chain("1>2@@c1", "1>3@@c2"),
			edit: tag("tag", "1", "3"), contains: "c1", want: none},
		{name: "released by force after it was undone", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), contains: "c1",
			change: func(q *guard.Question) { q.Released = later }, want: none},
		{name: "released, written again, and undone again", chain: chain("1>2@@c1", "1>2@@c2"), edit: tag("tag", "1", "2"), contains: "c1 c2",
			change: func(q *guard.Question) { q.Released = before.Add(time.Millisecond) }, want: reverted, commit: "c2"},
		{name: "an operator holds the policy at it", chain: chain("1>2@@c1"), edit: heldByOperator(tag("tag", "1", "2")), contains: "c1", want: none},
		{name: "allowDowngrade does not release it", chain: chain("1>2@@c1"), edit: tag("tag", "1", "2"), contains: "c1",
			change: allow, want: reverted, commit: "c1"},
		{name: "a change of the policy's spec does not release it", chain: chain("1>2@@c1"), edit: generation(2, tag("tag", "1", "2")),
			contains: "c1", want: reverted, commit: "c1"},
		{name: "a new digest of the same tag was reverted", chain: chain("r/a:1@sha256:a>r/a:1@sha256:b@@c1"),
			edit: edit(marker.Whole, "tag", "r/a:1@sha256:a", "r/a:1@sha256:b"), contains: "c1", want: reverted, commit: "c1"},
		{name: "a digest was reverted, and the tag was pushed once more", chain: chain("r/a:1@sha256:a>r/a:1@sha256:b@@c1"),
			edit: edit(marker.Whole, "tag", "r/a:1@sha256:a", "r/a:1@sha256:c"), contains: "c1", want: none},
		{name: "a tag was reverted, and pushed once more: the policy has not moved past it",
			chain: chain("r/a:1@sha256:a>r/a:2@sha256:b@@c1"),
			edit:  edit(marker.Whole, "tag", "r/a:1@sha256:a", "r/a:2@sha256:c"), contains: "c1", want: reverted, commit: "c1"},
		{name: "a name was reverted", chain: chain("r/a>r/b@@c1"), edit: edit(marker.Name, "tag", "r/a", "r/b"), contains: "c1",
			want: reverted, commit: "c1"},
		{name: "a record without a commit proves nothing", chain: chain("1>2"), edit: tag("tag", "1", "2"), want: none},
		{name: "a value longer than records keep", chain: chain("x" + strings.Repeat("ü", 249) + "…>2@@c1"),
			edit: tag("tag", "x"+strings.Repeat("ü", 400), "2"), contains: "c1", want: reverted, commit: "c1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := question(at("tag", test.chain), &branch{contains: test.contains, rewound: test.rewound}, test.edit)
			if test.change != nil {
				test.change(&q)
			}
			expect(t, judge(t, &numbers{}, q), map[int]updaterv1.HoldReason{0: test.want})
			if held := judge(t, &numbers{}, q)[0]; held.GetRevertedCommit() != test.commit {
				t.Errorf("the undone commit is %q, want %q", held.GetRevertedCommit(), test.commit)
			}
		})
	}
}

func TestWhatIsOlderIsHeldUnlessSomebodyMeansIt(t *testing.T) {
	place := guard.Place{Path: "app.yaml", Node: "tag"}
	refused := func(generation int64) past { return past{refused: map[guard.Place]int64{place: generation}} }
	both := at("tag", chain("0>2@@c1"))
	both.refused = map[guard.Place]int64{place: 1}
	for _, test := range []struct {
		name    string
		history past
		edit    guard.Edit
		change  func(*guard.Question)
		want    updaterv1.HoldReason
		calls   int
	}{
		{name: "newer", edit: tag("tag", "1", "2"), want: none, calls: 1},
		{name: "equal order, other spelling", edit: tag("tag", "v1", "1"), want: none, calls: 1},
		{name: "what stands is not eligible", edit: tag("tag", "main", "2"), want: none, calls: 1},
		{name: "older, and never written by us", edit: tag("tag", "2", "1"), want: older, calls: 1},
		{name: "older than what we wrote", history: at("tag", chain("1>2@@c1")), edit: tag("tag", "2", "1"), want: older, calls: 1},
		{name: "the policy's spec has changed since our last write", history: at("tag", chain("1>2@@c1")),
			edit: generation(2, tag("tag", "2", "1")), want: none},
		{name: "the spec has changed since the refusal, and nothing was ever written", history: refused(1),
			edit: generation(2, tag("tag", "2", "1")), want: none},
		{name: "refused before, and the spec is the same", history: refused(2), edit: generation(2, tag("tag", "2", "1")), want: older, calls: 1},
		{name: "the spec changed before our first sight of the value", edit: generation(9, tag("tag", "2", "1")), want: older, calls: 1},
		{name: "our last write counts, and not a refusal", history: both, edit: tag("tag", "2", "1"), want: older, calls: 1},
		{name: "a write on another branch is none of this one", history: at("tag", chain("1>2@@c1")),
			change: func(q *guard.Question) { q.Branch = "release" }, edit: generation(2, tag("tag", "2", "1")), want: older, calls: 1},
		{name: "a write of a version that kept no generation says nothing", history: at("tag", unnumbered(chain("1>2@@c1"))),
			edit: generation(2, tag("tag", "2", "1")), want: older, calls: 1},
		{name: "a policy whose generation is not known", history: at("tag", chain("1>2@@c1")),
			edit: generation(0, tag("tag", "2", "1")), want: older, calls: 1},
		{name: "an operator holds the policy at it", edit: heldByOperator(tag("tag", "2", "1")), want: none},
		{name: "allowDowngrade", edit: tag("tag", "2", "1"), change: allow, want: none},
		{name: "a whole reference", edit: edit(marker.Whole, "tag", "r/a:2", "r/a:1"), want: older, calls: 1},
		{name: "a whole reference of another name", edit: edit(marker.Whole, "tag", "old:5000/a:2", "r/a:1@sha256:a"), want: older, calls: 1},
		{name: "new bytes under the same tag", edit: edit(marker.Whole, "tag", "r/a:2@sha256:a", "r/a:2@sha256:b"), want: none},
		{name: "a digest", edit: edit(marker.Digest, "tag", "sha256:b", "sha256:a"), want: none},
		{name: "a name", edit: edit(marker.Name, "tag", "r/b", "r/a"), want: none},
		{name: "nothing stands", edit: tag("tag", "", "1"), want: none},
		{name: "a placeholder stands", edit: tag("tag", "${TAG}", "1"), want: none},
		{name: "a name without a tag stands", edit: edit(marker.Whole, "tag", "r:5000/a", "r:5000/a:1"), want: none},
		{name: "a digest alone stands", edit: edit(marker.Whole, "tag", "r/a@sha256:a", "r/a:1"), want: none},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := question(test.history, &branch{contains: "c1"}, test.edit)
			if test.change != nil {
				test.change(&q)
			}
			n := &numbers{}
			expect(t, judge(t, n, q), map[int]updaterv1.HoldReason{0: test.want})
			if len(n.calls) != test.calls {
				t.Errorf("asked %v, want %d questions", n.calls, test.calls)
			}
		})
	}
}

func TestARefusalCountsForThePlacesThatHadNoRoomInTheRecord(t *testing.T) {
	h := past{refused: map[guard.Place]int64{{Path: "app.yaml", Node: "a"}: 1}}
	other := generation(2, tag("c", "2", "1"))
	other.Policy.Key.Name = "other"
	held := judge(t, &numbers{}, question(h, &branch{}, generation(2, tag("a", "2", "1")), generation(2, tag("b", "2", "1")), other))
	expect(t, held, map[int]updaterv1.HoldReason{2: older})
}

func TestNamesAndDigestsStayWithTheirTag(t *testing.T) {
	other := edit(marker.Digest, "images[0].digest", "sha256:a", "sha256:b")
	other.Policy.Key.Name = "other"
	for _, test := range []struct {
		name  string
		edits []guard.Edit
		want  map[int]updaterv1.HoldReason
	}{
		{"held together with it", []guard.Edit{
			edit(marker.Name, "images[0].newName", "r/a", "r/b"), tag("images[0].newTag", "2", "1"),
			edit(marker.Digest, "images[0].digest", "sha256:a", "sha256:b"),
		}, map[int]updaterv1.HoldReason{0: sibling, 1: older, 2: sibling}},
		{"written together with it", []guard.Edit{
			tag("images[0].newTag", "1", "2"), edit(marker.Digest, "images[0].digest", "sha256:a", "sha256:b"),
		}, nil},
		{"a digest without a tag", []guard.Edit{edit(marker.Digest, "images[0].digest", "sha256:a", "sha256:b")}, nil},
		{"the nearest tag decides", []guard.Edit{
			tag("images[0].newTag", "2", "1"), tag("images[1].newTag", "0", "1"),
			edit(marker.Digest, "images[0].digest", "sha256:a", "sha256:b"), edit(marker.Digest, "images[1].digest", "sha256:a", "sha256:b"),
		}, map[int]updaterv1.HoldReason{0: older, 2: sibling}},
		{"of two tags as near one held one is enough", []guard.Edit{
			tag("a.tag", "0", "1"), tag("a.oldTag", "2", "1"), edit(marker.Digest, "a.digest", "sha256:a", "sha256:b"),
		}, map[int]updaterv1.HoldReason{1: older, 2: sibling}},
		{"another policy's digest", []guard.Edit{tag("images[0].newTag", "2", "1"), other}, map[int]updaterv1.HoldReason{0: older}},
		{"a digest in another document", []guard.Edit{
			tag("tag", "2", "1"), document(1, edit(marker.Digest, "digest", "sha256:a", "sha256:b")),
		}, map[int]updaterv1.HoldReason{0: older}},
		{"a digest in another file", []guard.Edit{
			tag("tag", "2", "1"), elsewhere(edit(marker.Digest, "digest", "sha256:a", "sha256:b")),
		}, map[int]updaterv1.HoldReason{0: older}},
	} {
		t.Run(test.name, func(t *testing.T) {
			expect(t, judge(t, &numbers{}, question(past{}, &branch{}, test.edits...)), test.want)
		})
	}
	t.Run("of a tag that was reverted, also a new digest", func(t *testing.T) {
		h := past{writes: map[guard.Place][]guard.Write{
			{Path: "app.yaml", Node: "tag"}: chain("1>2@@c1"), {Path: "app.yaml", Node: "digest"}: chain("sha256:a>sha256:b@@c1"),
		}}
		held := judge(t, &numbers{}, question(h, &branch{contains: "c1"},
			tag("tag", "1", "2"), edit(marker.Digest, "digest", "sha256:a", "sha256:c")))
		expect(t, held, map[int]updaterv1.HoldReason{0: reverted, 1: sibling})
	})
}

func TestWhatCannotBeComparedIsHeld(t *testing.T) {
	for _, test := range []struct {
		name  string
		fails error
		says  string
	}{
		{"the resolver is away", status.Error(codes.Unavailable, "connection refused"), ""},
		{"the policy is gone", status.Error(codes.NotFound, "ImagePolicy flux-system/app: not found"), "not found"},
		{"the resolver is older", status.Error(codes.Unimplemented, "unknown method CompareTags"), "CompareTags"},
		{"the times are not known yet", status.Error(codes.FailedPrecondition, "nobody knows the time of 1"), "nobody knows the time of 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := &numbers{fails: test.fails}
			held := judge(t, n, question(past{}, &branch{}, tag("tag", "1", "2"),
				edit(marker.Digest, "digest", "sha256:a", "sha256:b"), generation(1, edit(marker.Digest, "x", "sha256:a", "sha256:b"))))
			expect(t, held, map[int]updaterv1.HoldReason{0: unknown, 1: sibling, 2: sibling})
			if !strings.Contains(held[0].GetMessage(), test.says) {
				t.Errorf("%s", held[0].GetMessage())
			}
			expect(t, judge(t, n, question(at("tag", chain("0>1@@c1")), &branch{}, generation(2, tag("tag", "1", "2")))), nil)
		})
	}
	t.Run("the resolver is slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			n := &numbers{answer: func(ctx context.Context) { <-ctx.Done() }}
			var edits []guard.Edit
			for i := range 100 {
				edits = append(edits, tag("tag"+strconv.Itoa(i), strconv.Itoa(i), "200"))
			}
			held := judge(t, n, question(past{}, &branch{}, append(edits, edit(marker.Digest, "d", "a", "b"))...))
			if len(held) < 100 || held[99].GetReason() != unknown || !strings.Contains(held[99].GetMessage(), "has not answered within 10s") {
				t.Errorf("%d held: %s", len(held), held[99].GetMessage())
			}
			if took := time.Since(began); took != 10*time.Second {
				t.Errorf("waited %s", took)
			}
			if len(n.calls) > 8 {
				t.Errorf("asked %d times", len(n.calls))
			}
		})
	})
	t.Run("a run that is cut off holds nothing, and fails", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := &numbers{answer: func(context.Context) { cancel() }}
		if _, err := guard.New(n).Judge(ctx, question(past{}, &branch{}, tag("tag", "1", "2"))); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestEachStepIsComparedOnce(t *testing.T) {
	var edits []guard.Edit
	for i := range 1000 {
		e := tag("tag", "1", "2")
		e.Path = fmt.Sprintf("apps/%d.yaml", i)
		edits = append(edits, e)
	}
	n := &numbers{}
	expect(t, judge(t, n, question(past{}, &branch{}, edits...)), nil)
	if len(n.calls) != 1 {
		t.Errorf("1,000 edits of one policy made %d calls", len(n.calls))
	}
}

func TestAtMostEightAreComparedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var edits []guard.Edit
		for i := range 100 {
			e := tag("tag", "1", "2")
			e.Path, e.Policy.Key.Name = fmt.Sprintf("apps/%d.yaml", i), fmt.Sprintf("app%d", i)
			edits = append(edits, e)
		}
		n := &numbers{answer: func(context.Context) { time.Sleep(time.Millisecond) }}
		began := time.Now()
		expect(t, judge(t, n, question(past{}, &branch{}, edits...)), nil)
		if n.atOnce != 8 || len(n.calls) != 100 || time.Since(began) != 13*time.Millisecond {
			t.Errorf("%d calls, %d at once, in %s", len(n.calls), n.atOnce, time.Since(began))
		}
	})
}

func TestTheRemoteIsAskedOnlyWhereItsAnswerCounts(t *testing.T) {
	b := &branch{contains: "c1"}
	h := past{writes: map[guard.Place][]guard.Write{}}
	var forward, back, past2 []guard.Edit
	for i := range 100 {
		node := "tag" + strconv.Itoa(i)
		h.writes[guard.Place{Path: "app.yaml", Node: node}] = chain("1>2@@c1")
		forward, back, past2 = append(forward, tag(node, "2", "3")), append(back, tag(node, "1", "2")), append(past2, tag(node, "1", "3"))
	}
	expect(t, judge(t, &numbers{}, question(h, b, forward...)), nil)
	expect(t, judge(t, &numbers{}, question(h, b, past2...)), nil)
	if asked := b.asked.Load(); asked != 0 {
		t.Errorf("asked %d times about nothing", asked)
	}
	if held := judge(t, &numbers{}, question(h, b, back...)); len(held) != 100 || b.asked.Load() != 1 {
		t.Errorf("%d held, asked %d times about one commit", len(held), b.asked.Load())
	}
	b.err = errors.New("the remote is away")
	if _, err := guard.New(&numbers{}).Judge(t.Context(), question(h, b, back...)); !errors.Is(err, b.err) {
		t.Errorf("%v", err)
	}
}

func TestHeldValuesSayWhatStandsWhyAndWhatToDo(t *testing.T) {
	q := question(at("spec.tag", chain("1.0>1.1@@1f3a9c2d00")), &branch{contains: "1f3a9c2d00"},
		tag("spec.tag", "1.0", "1.1"), tag("tag", "2", "1"), edit(marker.Digest, "digest", "sha256:a", "sha256:b"))
	q.Automation = object.Key{Namespace: "apps", Name: "fleet"}
	held := judge(t, &numbers{}, q)
	for i, want := range []string{
		`somebody has undone commit 1f3a9c2, which wrote "1.1": "1.0" stands again. It is written when ImagePolicy ` +
			"'flux-system/app' moves past what was undone, or after `tidemark resume image update fleet -n apps --force`",
		`2 stands, and ImagePolicy 'flux-system/app' says 1: 1 is older than 2. If that is meant, ` +
			"`tidemark hold image policy app --tag 1 --reason …`, change the policy's spec, or set spec.allowDowngrade",
		"the digest belongs to the tag in line 7 (spec.tag), which is held; it is written together with that",
	} {
		if got := held[i].GetMessage(); got != want {
			t.Errorf("%d:\n%s, want\n%s", i, got, want)
		}
	}
	h := held[0]
	if h.GetPath() != "app.yaml" || h.GetLine() != 7 || h.GetNode() != "spec.tag" || h.GetSetter() != "flux-system:app:tag" ||
		h.GetValue() != "1.0" || h.GetProposedValue() != "1.1" || h.GetPolicyGeneration() != 1 || h.GetRevertedCommit() != "1f3a9c2d00" {
		t.Errorf("%v", h)
	}
}

func TestSentencesFitWithWhatToDo(t *testing.T) {
	long := edit(marker.Whole, "tag", "registry.example.com/team/application:1.0.0@sha256:"+strings.Repeat("a", 64),
		"registry.example.com/team/application:1.0.1@sha256:"+strings.Repeat("b", 64))
	hostile := long
	hostile.Old, hostile.Node = strings.Repeat("\xff\"\n", 1000), "hostile"
	fails := &numbers{fails: status.Error(codes.Unavailable, strings.Repeat("away ", 200))}
	for name, held := range map[string]*updaterv1.HeldValue{
		"reverted": judge(t, fails, question(at("tag", chain(long.Old+">"+long.New+"@@c1")), &branch{contains: "c1"}, long))[0],
		"unknown":  judge(t, fails, question(past{}, &branch{}, long))[0],
		"hostile": judge(t, fails, question(at("hostile", chain(guard.Recorded(hostile.Old)+">"+hostile.New+"@@c1")),
			&branch{contains: "c1"}, hostile))[0],
	} {
		if got := held.GetMessage(); guard.Recorded(got) != got || !strings.Contains(got, "tidemark ") {
			t.Errorf("%s: %d bytes: %s", name, len(got), got)
		}
	}
}

func expect(t *testing.T, held map[int]*updaterv1.HeldValue, want map[int]updaterv1.HoldReason) {
	t.Helper()
	for i, h := range held {
		if want[i] != h.GetReason() {
			t.Errorf("edit %d is held as %v (%s), want %v", i, h.GetReason(), h.GetMessage(), want[i])
		}
	}
	for i, reason := range want {
		if held[i].GetReason() != reason {
			t.Errorf("edit %d is held as %v, want %v", i, held[i].GetReason(), reason)
		}
	}
}

func allow(q *guard.Question) { q.AllowDowngrade = true }

func generation(n int64, e guard.Edit) guard.Edit { e.Policy.Generation = n; return e }

func heldByOperator(e guard.Edit) guard.Edit { e.Policy.Held = true; return e }

func elsewhere(e guard.Edit) guard.Edit { e.Path = "copy.yaml"; return e }

func document(n int, e guard.Edit) guard.Edit { e.Document = n; return e }

func nameless(writes []guard.Write) []guard.Write { writes[0].URL = ""; return writes }

func unnumbered(writes []guard.Write) []guard.Write { writes[0].PolicyGeneration = 0; return writes }
