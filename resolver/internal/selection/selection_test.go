// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package selection

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/resolver/internal/facts"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(noon.Add(-d)) }

// registry is a scanner in front of a registry.
type registry struct {
	mu     sync.Mutex
	tags   map[string]*scannerv1.Tag
	errs   map[string]error
	asked  []string
	listed int
}

func (r *registry) Inspect(
	_ context.Context, _ object.Key, tag, _ string, wanted []scannerv1.TagMetadata, _ bool,
) (*scannerv1.Tag, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, tag)
	if err := r.errs[tag]; err != nil {
		return nil, err
	}
	return r.describe(tag, wanted), nil
}

func (r *registry) describe(tag string, wanted []scannerv1.TagMetadata) *scannerv1.Tag {
	known := r.tags[tag]
	told := &scannerv1.Tag{Name: tag, Digest: "sha256:" + tag, MetadataError: known.GetMetadataError()}
	if known.GetDigest() != "" {
		told.Digest = known.GetDigest()
	}
	if slices.Contains(wanted, scannerv1.TagMetadata_TAG_METADATA_PUSHED) {
		told.PushedTime = known.GetPushedTime()
	}
	if slices.Contains(wanted, scannerv1.TagMetadata_TAG_METADATA_CREATED) {
		told.CreatedTime = known.GetCreatedTime()
	}
	if slices.Contains(wanted, scannerv1.TagMetadata_TAG_METADATA_PLATFORMS) {
		told.Platforms = known.GetPlatforms()
	}
	if slices.Contains(wanted, scannerv1.TagMetadata_TAG_METADATA_LABELS) {
		told.Labels = known.GetLabels()
	}
	return told
}

func (r *registry) List(
	_ context.Context, _ object.Key, pattern, _ string, wanted []scannerv1.TagMetadata,
) ([]*scannerv1.Tag, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listed++
	var tags []*scannerv1.Tag
	for name := range r.tags {
		if regexp.MustCompile(pattern).MatchString(name) {
			tags = append(tags, r.describe(name, wanted))
		}
	}
	return tags, "", nil
}

// shop is a tag set and the registry behind it.
type shop struct {
	t        *testing.T
	registry *registry
	selector *Selector
	index    *tagindex.Index
	memory   *Memory
}

func newShop(t *testing.T, tags ...policy.Tag) *shop {
	t.Helper()
	r := &registry{tags: map[string]*scannerv1.Tag{}, errs: map[string]error{}}
	s := &shop{t: t, registry: r, selector: New(facts.New(r)), index: tagindex.New(), memory: &Memory{}}
	s.index.Apply(tagindex.Delta{Revision: 1, Whole: true, Added: tags})
	for _, tag := range tags {
		r.tags[tag.Name] = &scannerv1.Tag{}
	}
	return s
}

func (s *shop) ask(spec policy.Spec, required Requirements, now time.Time) (Outcome, error) {
	s.t.Helper()
	p, err := policy.Compile(spec)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.selector.Select(s.t.Context(), Request{
		Snapshot: s.index.Snapshot(), Policy: p, Requirements: required, Now: now, Fresh: true, Memory: s.memory,
		Subject: facts.Subject{Repository: object.KeyOf("", "app"), UID: "u", Revision: 1},
	})
}

func old(name string) policy.Tag {
	return policy.Tag{Name: name, Initial: true, FirstSeen: noon.Add(-240 * time.Hour)}
}
func seen(name string, before time.Duration) policy.Tag {
	return policy.Tag{Name: name, FirstSeen: noon.Add(-before)}
}

var anyVersion = policy.Spec{SemVer: &policy.SemVer{Range: "*"}}

func TestAgeHasItsClock(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		tags   []policy.Tag
		pushed map[string]time.Duration
		first  bool
		want   string
		clock  Clock
		next   time.Duration
	}{
		"the push decides, where it is told": {
			tags: []policy.Tag{old("1.0.0"), seen("2.0.0", time.Hour)}, pushed: map[string]time.Duration{"2.0.0": 25 * time.Hour},
			want: "2.0.0", clock: Pushed,
		},
		"a push is too young, though the tag is old": {
			tags: []policy.Tag{old("1.0.0"), old("2.0.0")}, pushed: map[string]time.Duration{"2.0.0": time.Hour},
			want: "1.0.0", clock: FirstScan, next: 23 * time.Hour,
		},
		"the first sight, where no push is told": {
			tags: []policy.Tag{seen("1.0.0", 30*time.Hour), seen("2.0.0", 23*time.Hour)}, want: "1.0.0", clock: FirstSeen, next: time.Hour,
		},
		"the very moment counts": {tags: []policy.Tag{seen("2.0.0", day)}, want: "2.0.0", clock: FirstSeen},
		"the first scan is aged": {tags: []policy.Tag{{Name: "1.0.0", Initial: true, FirstSeen: noon}}, want: "1.0.0", clock: FirstScan},
		"the first of several that wait": {
			tags: []policy.Tag{old("1.0.0"), seen("2.0.0", 2*time.Hour), seen("3.0.0", time.Hour)},
			want: "1.0.0", clock: FirstScan, next: 22 * time.Hour,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, tt.tags...)
			for tag, before := range tt.pushed {
				s.registry.tags[tag].PushedTime = ago(before)
			}
			got, err := s.ask(anyVersion, Requirements{MinimumAge: day, IncludeFirstScan: tt.first}, noon)
			if err != nil || got.Tag != tt.want || got.Clock != tt.clock {
				t.Fatalf("got %+v, %v", got, err)
			}
			if want := noon.Add(tt.next); tt.next == 0 && !got.Next.IsZero() || tt.next != 0 && !got.Next.Equal(want) {
				t.Errorf("next: %v", got.Next)
			}
		})
	}
}

func TestFirstScanWaitsWhereItIsIncluded(t *testing.T) {
	s := newShop(t, policy.Tag{Name: "1.0.0", Initial: true, FirstSeen: noon})
	required := Requirements{MinimumAge: time.Hour, IncludeFirstScan: true}
	got, err := s.ask(anyVersion, required, noon)
	if !errors.Is(err, policy.ErrNoneEligible) || !got.Next.Equal(noon.Add(time.Hour)) ||
		!strings.Contains(err.Error(), "1 too young; the next comes of age at 2026-08-01T13:00:00Z") {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got, err = s.ask(anyVersion, required, got.Next); err != nil || got.Clock != FirstSeen {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRepushStartsTheClockAgain(t *testing.T) {
	s := newShop(t, old("1.0.0"), old("2.0.0"))
	required := Requirements{MinimumAge: time.Hour}
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "2.0.0" || got.Digest != "sha256:2.0.0" {
		t.Fatalf("got %+v, %v", got, err)
	}
	s.registry.tags["2.0.0"].Digest = "sha256:other"
	moved := noon.Add(time.Minute)
	got, err := s.ask(anyVersion, required, moved)
	if err != nil || got.Tag != "1.0.0" || !got.Next.Equal(moved.Add(time.Hour)) {
		t.Fatalf("got %+v, %v", got, err)
	}
	// What is stored says the same after a restart.
	if !s.memory.Settle() || s.memory.Settle() {
		t.Error("the memory's change is not told once")
	}
	encoded, err := s.memory.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if s.memory, err = Decode(encoded); err != nil {
		t.Fatal(err)
	}
	if got, err = s.ask(anyVersion, required, got.Next); err != nil || got.Tag != "2.0.0" || got.Clock != FirstSeen {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTagThatComesBackWithAnotherDigestIsYoung(t *testing.T) {
	s := newShop(t, old("1.0.0"), old("2.0.0"))
	required := Requirements{MinimumAge: time.Hour}
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "2.0.0" {
		t.Fatalf("got %+v, %v", got, err)
	}
	s.memory.Settle()
	s.index.Apply(tagindex.Delta{Revision: 2, Removed: []string{"2.0.0"}})
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "1.0.0" {
		t.Fatalf("got %+v, %v", got, err)
	}
	s.memory.Settle()
	s.index.Apply(tagindex.Delta{Revision: 3, Added: []policy.Tag{old("2.0.0")}})
	s.registry.tags["2.0.0"].Digest = "sha256:other"
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "1.0.0" || !got.Next.Equal(noon.Add(time.Hour)) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := &Memory{}
	see := func(n int, digest string) {
		for i := range n {
			m.see("u", old(fmt.Sprintf("%s%d", digest[:1], i)), digest, noon)
		}
	}
	see(MaxInspect, "a")
	m.Settle()
	if len(m.Tags) != MaxInspect {
		t.Errorf("what was looked at is forgotten: %d are left", len(m.Tags))
	}
	see(crowded+1, "b")
	see(crowded+1, "bb")
	if m.Settle(); len(m.Tags) != crowded+1 {
		t.Errorf("%d are remembered", len(m.Tags))
	}
	see(1, "c")
	if m.Settle(); len(m.Tags) != 1 {
		t.Errorf("%d are remembered", len(m.Tags))
	}
}

func TestPlatformsAndLabelsAreAskedOfTheBestFirst(t *testing.T) {
	s := newShop(t, old("1.0.0"), old("2.0.0"), old("3.0.0"), old("4.0.0"))
	s.registry.tags["4.0.0"].Platforms = []string{"linux/amd64"}
	s.registry.tags["3.0.0"].Platforms = []string{"linux/amd64", "linux/arm64/v8"}
	s.registry.tags["3.0.0"].Labels = map[string]string{"stage": "test"}
	s.registry.tags["2.0.0"].Platforms = []string{"linux/amd64", "linux/arm64"}
	s.registry.tags["2.0.0"].Labels = map[string]string{"stage": "released"}
	got, err := s.ask(anyVersion, Requirements{
		Platforms: []string{"linux/arm64", "linux/amd64"}, Labels: map[string]string{"stage": "released"},
	}, noon)
	if err != nil || got.Tag != "2.0.0" || got.Rejected != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	want := []Verdict{
		{Tag: "4.0.0", Stage: PlatformMissing, Reason: "4.0.0 does not offer linux/arm64"},
		{Tag: "3.0.0", Stage: LabelMismatch, Reason: "3.0.0 has another value of label stage"},
	}
	if !slices.Equal(got.Examined, want) {
		t.Errorf("examined: %+v", got.Examined)
	}
	if slices.Contains(s.registry.asked, "1.0.0") {
		t.Errorf("asked: %v", s.registry.asked)
	}
}

func TestVariantCountsWhereItIsWanted(t *testing.T) {
	s := newShop(t, old("1.0.0"))
	s.registry.tags["1.0.0"].Platforms = []string{"linux/arm/v7"}
	for platform, passes := range map[string]bool{"linux/arm": true, "linux/arm/v7": true, "linux/arm/v6": false, "linux/arm6": false, "linux/ar": false} {
		if _, err := s.ask(anyVersion, Requirements{Platforms: []string{platform}}, noon); (err == nil) != passes {
			t.Errorf("%s: %v", platform, err)
		}
	}
}

func TestRegistryThatDoesNotAnswerEndsTheSelection(t *testing.T) {
	s := newShop(t, old("1.0.0"), old("2.0.0"))
	asleep := status.Error(codes.Unavailable, "asleep")
	s.registry.errs["2.0.0"] = asleep
	var unread *InspectError
	if _, err := s.ask(anyVersion, Requirements{MinimumAge: 1}, noon); !errors.As(err, &unread) || unread.Tag != "2.0.0" || !errors.Is(err, asleep) {
		t.Errorf("got %v", err)
	}
	s.registry.errs["2.0.0"] = status.Error(codes.NotFound, "no manifest")
	if got, err := s.ask(anyVersion, Requirements{MinimumAge: 1}, noon); err != nil || got.Tag != "1.0.0" || got.Examined[0].Stage != Gone {
		t.Errorf("a tag without a manifest: %+v, %v", got, err)
	}
	delete(s.registry.errs, "2.0.0")
	s.registry.tags["2.0.0"].MetadataError = "the manifest is too large"
	if _, err := s.ask(anyVersion, Requirements{Platforms: []string{"linux/amd64"}}, noon); !errors.As(err, &unread) ||
		err.Error() != "failed to read the metadata of tag 2.0.0: the manifest is too large" {
		t.Errorf("got %v", err)
	}
}

func TestPushesThatWereToldAreNotDoneWithout(t *testing.T) {
	s := newShop(t, old("1.0.0"), old("2.0.0"))
	required := Requirements{MinimumAge: time.Hour}
	s.registry.tags["2.0.0"].MetadataError = "the registry's API refuses"
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "2.0.0" || got.Clock != FirstScan {
		t.Errorf("a registry that never tells: %+v, %v", got, err)
	}
	s.registry.tags["2.0.0"] = &scannerv1.Tag{PushedTime: ago(time.Minute)}
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "1.0.0" {
		t.Errorf("a push that is told: %+v, %v", got, err)
	}
	s.registry.tags["2.0.0"] = &scannerv1.Tag{MetadataError: "the registry's API is down"}
	var unread *InspectError
	if got, err := s.ask(anyVersion, required, noon); !errors.As(err, &unread) {
		t.Errorf("a push that is told no more: %+v, %v", got, err)
	}
}

func TestInspectionIsBounded(t *testing.T) {
	var tags []policy.Tag
	for i := range MaxInspect + 1 {
		tags = append(tags, old(fmt.Sprintf("1.%d.0", i)))
	}
	s := newShop(t, tags...)
	s.registry.tags["1.0.0"].Platforms = []string{"linux/amd64"}
	required := Requirements{Platforms: []string{"linux/amd64"}}
	if got, err := s.ask(anyVersion, required, noon); !errors.Is(err, ErrTooMany) || len(s.registry.asked) != MaxInspect {
		t.Errorf("%d asked: %+v, %v", len(s.registry.asked), got.Tag, err)
	}
	s.index.Apply(tagindex.Delta{Revision: 2, Removed: []string{"1.1000.0"}})
	if got, err := s.ask(anyVersion, required, noon); err != nil || got.Tag != "1.0.0" || got.Rejected != MaxInspect-1 {
		t.Errorf("got %+v, %v", got.Tag, err)
	}
}

func TestLatestGoesByTheTimeThatIsAskedFor(t *testing.T) {
	latest := func(by policy.Recency) policy.Spec { return policy.Spec{Latest: &policy.Latest{By: by}} }
	for name, tt := range map[string]struct {
		by    policy.Recency
		tags  []policy.Tag
		facts map[string]*scannerv1.Tag
		want  string
	}{
		"pushed over first seen": {
			by: policy.ByPushed, tags: []policy.Tag{seen("a", time.Hour), seen("b", 2*time.Hour)},
			facts: map[string]*scannerv1.Tag{"b": {PushedTime: ago(time.Minute)}}, want: "b",
		},
		"first seen ignores pushes": {
			by: policy.ByFirstSeen, tags: []policy.Tag{seen("a", time.Hour), seen("b", 2*time.Hour)},
			facts: map[string]*scannerv1.Tag{"b": {PushedTime: ago(time.Minute)}}, want: "a",
		},
		"a first scan's push that is told counts": {
			by: policy.ByPushed, tags: []policy.Tag{old("a"), seen("b", 2*time.Hour)},
			facts: map[string]*scannerv1.Tag{"a": {PushedTime: ago(time.Minute)}}, want: "a",
		},
		"a first scan without pushes goes by creation": {
			by: policy.ByPushed, tags: []policy.Tag{old("1.0.0"), old("2.0.0"), old("3.0.0")},
			facts: map[string]*scannerv1.Tag{"1.0.0": {CreatedTime: ago(time.Hour)}, "2.0.0": {CreatedTime: ago(2 * time.Hour)}}, want: "1.0.0",
		},
		"a claim is no match for a sight": {
			by: policy.ByPushed, tags: []policy.Tag{old("1.0.0"), old("2.0.0"), seen("0.1.0", 100*time.Hour)},
			facts: map[string]*scannerv1.Tag{"1.0.0": {CreatedTime: ago(-time.Hour)}}, want: "0.1.0",
		},
		"created goes by the claim alone": {
			by: policy.ByCreated, tags: []policy.Tag{old("a"), seen("b", time.Minute), seen("c", time.Hour)},
			facts: map[string]*scannerv1.Tag{"a": {CreatedTime: ago(time.Hour)}, "c": {CreatedTime: ago(2 * time.Hour)}}, want: "a",
		},
		"equal times: the version": {
			by: policy.ByCreated, tags: []policy.Tag{old("1.9.0"), old("1.10.0"), old("zzz")},
			facts: map[string]*scannerv1.Tag{
				"1.9.0": {CreatedTime: ago(time.Hour)}, "1.10.0": {CreatedTime: ago(time.Hour)}, "zzz": {CreatedTime: ago(time.Hour)},
			}, want: "1.10.0",
		},
		"equal versions: the bytes": {
			by: policy.ByPushed, tags: []policy.Tag{seen("1.0.0", time.Hour), seen("v1.0.0", time.Hour)}, want: "v1.0.0",
		},
		"no claims at all: the version": {by: policy.ByCreated, tags: []policy.Tag{old("1.0.0"), seen("0.9.0", time.Hour)}, want: "1.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, tt.tags...)
			for tag, told := range tt.facts {
				s.registry.tags[tag] = told
			}
			if got, err := s.ask(latest(tt.by), Requirements{}, noon); err != nil || got.Tag != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestLatestAsksOnceAndNotAboutTooMany(t *testing.T) {
	var tags []policy.Tag
	for i := range MaxInspect {
		tags = append(tags, old(fmt.Sprintf("1.%d.0", i)))
	}
	s := newShop(t, tags...)
	s.registry.tags["1.7.0"].CreatedTime = ago(time.Minute)
	for range 2 {
		if got, err := s.ask(policy.Spec{}, Requirements{}, noon); err != nil || got.Tag != "1.7.0" {
			t.Fatalf("got %+v, %v", got.Tag, err)
		}
	}
	if s.registry.listed != 2 || len(s.registry.asked) != 0 { // once for pushes, once for what images claim
		t.Errorf("%d listings, and %d tags were asked about", s.registry.listed, len(s.registry.asked))
	}
	s.index.Apply(tagindex.Delta{Revision: 2, Added: []policy.Tag{old("1.1000.0")}})
	if got, err := s.ask(policy.Spec{}, Requirements{}, noon); err != nil || got.Tag != "1.1000.0" {
		t.Errorf("too many: %+v, %v", got.Tag, err)
	}
}

func TestPlainPolicyAsksNothing(t *testing.T) {
	s := newShop(t, old("1.0.0"), old("2.0.0"))
	if got, err := s.ask(anyVersion, Requirements{}, noon); err != nil || got.Tag != "2.0.0" || len(s.registry.asked) != 0 {
		t.Errorf("got %+v, %v; asked %v", got, err, s.registry.asked)
	}
}
