// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanner_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
)

func TestListTagsTellsOfExcludedTagsWhereItIsAsked(t *testing.T) {
	r := startRegistry(t, localregistry.Config{})
	r.push("app", "1.0.0", "1.0.0-dev", "1.1.0", "gone-dev")
	s := start(t)
	s.apply(repository("app", r.Host()+"/app", func(r *scannerv1.ImageRepository) {
		r.Spec.ExclusionList = &scannerv1.ExclusionList{Patterns: []string{"-dev$"}}
	}))
	s.settled("app", found(2))
	if err := r.Delete(t.Context(), "app", "gone-dev"); err != nil {
		t.Fatal(err)
	}
	s.mustScan("app")
	if got := names(s.list(&scannerv1.ListTagsRequest{Name: "app"}).GetTags()); !slices.Equal(got, []string{"1.0.0", "1.1.0"}) {
		t.Errorf("without excluded tags: %v", got)
	}
	var tags []*scannerv1.Tag
	req := &scannerv1.ListTagsRequest{Name: "app", IncludeExcluded: true, PageSize: 1}
	for {
		page := s.list(req)
		tags = append(tags, page.GetTags()...)
		if page.GetHead().GetTagCount() != 2 {
			t.Errorf("the head counts %d tags", page.GetHead().GetTagCount())
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			break
		}
	}
	if got := names(tags); !slices.Equal(got, []string{"1.0.0", "1.0.0-dev", "1.1.0"}) {
		t.Fatalf("with excluded tags: %v", got)
	}
	for _, tag := range tags {
		if tag.GetExcluded() != (tag.GetName() == "1.0.0-dev") {
			t.Errorf("%s is marked %t", tag.GetName(), tag.GetExcluded())
		}
	}
	first := s.list(&scannerv1.ListTagsRequest{Name: "app", IncludeExcluded: true, PageSize: 1})
	_, err := s.tags.ListTags(t.Context(), &scannerv1.ListTagsRequest{Name: "app", PageToken: first.GetNextPageToken()})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a token of the other listing: %v", err)
	}
}
