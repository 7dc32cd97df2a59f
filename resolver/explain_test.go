// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
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
