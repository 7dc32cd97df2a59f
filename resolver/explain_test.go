// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// explainAll turns all pages.
func (s *stage) explainAll(req *resolverv1.ResolveRequest, size int32) ([]string, *resolverv1.ExplainResponse) {
	s.t.Helper()
	var lines []string
	for token := ""; ; {
		page, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: req, PageSize: size, PageToken: token})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, v := range page.GetVerdicts() {
			lines = append(lines, v.GetVerdict().String()[len("VERDICT_"):]+" "+v.GetTag())
		}
		if token = page.GetNextPageToken(); token == "" {
			return lines, page
		}
	}
}

func TestExplainTellsOfEveryTag(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "2.0.0", "latest", "v1.1.0")
	s.scanner.update(func() {
		s.scanner.excluded = map[string][]string{"flux-system/app": {"a.sig", "b.sig", "c.sig"}}
	})
	req := &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("1.x")}
	want := []string{
		"SELECTED v1.1.0", "ELIGIBLE 1.1.0", "ELIGIBLE 1.0.0", "OUT_OF_RANGE 2.0.0",
		"EXCLUDED a.sig", "EXCLUDED b.sig", "EXCLUDED c.sig", "UNPARSABLE latest",
	}
	for size := range int32(10) {
		got, last := s.explainAll(req, size)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
		if last.GetConsidered() != 5 || last.GetRejected() != 2 {
			t.Errorf("considered %d, rejected %d", last.GetConsidered(), last.GetRejected())
		}
	}
}

func TestExplainsPagesAreOfOneRevision(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "1.2.0")
	req := &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("1.x")}
	first, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: req, PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
	s.eventually("the new tag is selected", func() bool {
		resp, err := s.resolve.Resolve(s.ctx(), req)
		return err == nil && resp.GetLatestRef().GetTag() == "1.3.0"
	})
	second, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: req, PageToken: first.GetNextPageToken()})
	if err != nil {
		t.Fatal(err)
	}
	if v := second.GetVerdicts(); len(v) != 2 || v[0].GetTag() != "1.1.0" || second.GetConsidered() != 3 {
		t.Errorf("the second page is %v", second)
	}
}

func TestExplainRefusesTokensThatAreNotItsOwn(t *testing.T) {
	s := newStage(t)
	s.scanner.push("flux-system/app", "1.0.0", "1.1.0", "1.2.0")
	stored := &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("1.x")}
	listed := &resolverv1.ResolveRequest{Source: tagList("1.0.0", "2.0.0"), Policy: semverChoice("*")}
	tokenOf := func(req *resolverv1.ResolveRequest) string {
		page, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: req, PageSize: 1})
		if err != nil {
			t.Fatal(err)
		}
		return page.GetNextPageToken()
	}
	ofStored, ofListed := tokenOf(stored), tokenOf(listed)
	for name, req := range map[string]*resolverv1.ExplainRequest{
		"no token":           {Request: stored, PageToken: "next"},
		"of another request": {Request: stored, PageToken: ofListed},
		"of another source":  {Request: listed, PageToken: ofStored},
		"of another policy": {
			Request:   &resolverv1.ResolveRequest{Source: repository("app"), Policy: semverChoice("2.x")},
			PageToken: ofStored,
		},
		"changed": {Request: stored, PageToken: ofStored[:len(ofStored)-2] + "AA"},
	} {
		_, err := s.resolve.Explain(s.ctx(), req)
		if v := rpcerr.FieldViolations(err); status.Code(err) != codes.InvalidArgument || len(v) != 1 || v[0].Path != "pageToken" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// After a restart nothing is on the shelf, and a revision that has gone on is not there to be explained again.
	s.restart()
	if _, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: stored, PageToken: ofStored}); err != nil {
		t.Errorf("the same tags after a restart: %v", err)
	}
	s.scanner.push("flux-system/app", "1.0.0", "3.0.0")
	s.eventually("tags that have changed are not explained by an old token", func() bool {
		_, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: stored, PageToken: ofStored})
		return status.Code(err) == codes.InvalidArgument
	})
}

func TestExplainRefusesWhatResolveRefuses(t *testing.T) {
	s := resolveStage(t)
	for name, c := range resolveCases() {
		if c.code == codes.OK || c.code == codes.FailedPrecondition && c.req.GetTagList() != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: c.req})
			if c.field != "" {
				c.field = "request." + c.field
			}
			c.check(t, nil, err)
		})
	}
}

func TestExplainOfManyTagsIsBounded(t *testing.T) {
	s := newStage(t)
	tags := make([]string, 200_000)
	for i := range tags {
		tags[i] = fmt.Sprintf("1.%d.%d", i/1000, i%1000)
	}
	req := &resolverv1.ResolveRequest{Source: tagList(tags...), Policy: semverChoice("1.x")}
	page, err := s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: req, PageSize: 10_000})
	if err != nil || len(page.GetVerdicts()) != 10_000 || page.GetVerdicts()[0].GetTag() != "1.199.999" || page.GetNextPageToken() == "" {
		t.Fatalf("%d verdicts, %v", len(page.GetVerdicts()), err)
	}
	page, err = s.resolve.Explain(s.ctx(), &resolverv1.ExplainRequest{Request: req, PageToken: page.GetNextPageToken()})
	if err != nil || len(page.GetVerdicts()) != 1000 || page.GetVerdicts()[0].GetTag() != "1.189.999" {
		t.Errorf("%d verdicts, %v", len(page.GetVerdicts()), err)
	}
}

// The law: Explain selects what Resolve selects, and counts what it counts, also where facts of the registry decide.
func TestExplainAgreesWithResolve(t *testing.T) {
	s := newStage(t)
	random := rand.New(rand.NewPCG(5, 6))
	tags := []string{"1.0.0", "1.1.0", "1.1.0-rc.1", "2.0.0", "v2.0.0", "3.0.0", "latest", "7", "8"}
	choices := []*resolverv1.ImagePolicyChoice{
		nil, semverChoice("1.x"), semverChoice(">=1.0.0-0"), numericalChoice(1), alphabeticalChoice(1), alphabeticalChoice(2),
		{Choice: &resolverv1.ImagePolicyChoice_Latest{Latest: &resolverv1.LatestPolicy{By: resolverv1.LatestBy_LATEST_BY_CREATED}}},
	}
	for round := range 40 {
		repo := fmt.Sprintf("app%d", round)
		s.scanner.push("flux-system/"+repo, tags[:1+random.IntN(len(tags))]...)
		s.scanner.push("flux-system/"+repo, tags...)
		for _, tag := range tags {
			facts := &scannerv1.Tag{CreatedTime: timestamppb.New(time.Unix(int64(random.IntN(5)), 0))}
			if random.IntN(3) > 0 {
				facts.Platforms = []string{"linux/arm64"}
			}
			if random.IntN(2) > 0 {
				facts.PushedTime = timestamppb.New(time.Now().Add(-time.Duration(random.IntN(4)) * time.Hour))
			}
			s.scanner.tell("registry.test/"+repo+":"+tag, facts)
		}
		for _, choice := range choices {
			req := &resolverv1.ResolveRequest{Source: repository(repo), Policy: choice}
			if random.IntN(2) == 0 {
				req.Platforms = []string{"linux/arm64"}
			}
			if random.IntN(2) == 0 {
				req.MinimumAge = &resolverv1.MinimumAge{Duration: durationpb.New(90 * time.Minute), IncludeFirstScan: random.IntN(2) == 0}
			}
			s.agrees(req)
		}
	}
}

func (s *stage) agrees(req *resolverv1.ResolveRequest) {
	s.t.Helper()
	resolved, err := s.resolve.Resolve(s.ctx(), req)
	if err != nil && rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_NO_TAG_SELECTED {
		s.t.Fatal(err)
	}
	lines, last := s.explainAll(req, 4)
	selected := ""
	for _, line := range lines {
		if tag, ok := strings.CutPrefix(line, "SELECTED "); ok {
			selected += tag
		}
	}
	if selected != resolved.GetLatestRef().GetTag() {
		s.t.Fatalf("%v: resolved %v, %v; explained\n%s", req, resolved, err, strings.Join(lines, "\n"))
	}
	if err == nil && (last.GetConsidered() != resolved.GetConsidered() || last.GetRejected() != resolved.GetRejected()) {
		s.t.Fatalf("%v: resolved %v; explained %d and %d rejected\n%s",
			req, resolved, last.GetConsidered(), last.GetRejected(), strings.Join(lines, "\n"))
	}
}
