// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
)

// registryPatience bounds what is asked of registries: an answer that comes at once without a digest is better than a late
// one with it.
const registryPatience = 5 * time.Second

// facts are what is known of a tag of a repository; the error is of what should have answered and did not.
func (s *services) facts(ctx context.Context, r *scannerv1.ImageRepository, tag string) (tagFacts, error) {
	f := tagFacts{Image: r.GetSpec().GetImage(), Repository: nameOf(r), Tag: tag}
	if tag == "" {
		return f, nil
	}
	found, err := s.tag(ctx, r, tag)
	switch {
	case errors.Is(err, rpcerr.ErrNotFound):
		s.unseen(ctx, r, &f)
		return f, nil
	case err != nil:
		f.miss("first seen", rpcerr.Sentence(err))
		return f, unlessSaid(err)
	}
	f.take(found.tag, found.unasked)
	return f, nil
}

// tagFound is what the scanner knows of a tag, and why the registry was not asked; empty: it was.
type tagFound struct {
	tag     *scannerv1.Tag
	unasked string
}

// tag asks for a tag with what the registry tells of it, and without where the registry does not answer.
func (s *services) tag(ctx context.Context, r *scannerv1.ImageRepository, tag string) (tagFound, error) {
	req := &scannerv1.GetTagRequest{
		Namespace: r.GetMetadata().GetNamespace(), Name: r.GetMetadata().GetName(), Tag: tag,
		Metadata: []scannerv1.TagMetadata{
			scannerv1.TagMetadata_TAG_METADATA_DIGEST, scannerv1.TagMetadata_TAG_METADATA_CREATED, scannerv1.TagMetadata_TAG_METADATA_PUSHED,
		},
	}
	asking, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	resp, err := s.tags.GetTag(asking, req)
	if err == nil || errors.Is(err, rpcerr.ErrNotFound) || ctx.Err() != nil {
		return tagFound{tag: resp.GetTag()}, err //nolint:wrapcheck // the connection gives errors their sentence
	}
	req.Metadata = []scannerv1.TagMetadata{scannerv1.TagMetadata_TAG_METADATA_PUSHED}
	resp, again := s.tags.GetTag(ctx, req)
	if again != nil {
		return tagFound{}, again //nolint:wrapcheck // the connection gives errors their sentence
	}
	why := rpcerr.Sentence(err)
	if asking.Err() != nil {
		why = fmt.Sprintf("the registry has not answered within %v", registryPatience)
	}
	return tagFound{resp.GetTag(), why}, nil
}

// take takes over what the scanner says of a tag. unasked is why the registry has not been asked; empty: it has.
func (f *tagFacts) take(tag *scannerv1.Tag, unasked string) {
	f.FirstSeen, f.Initial, f.Digest = timeOf(tag.GetFirstSeenTime()), tag.GetInitial(), tag.GetDigest()
	f.Created, f.Pushed = timeOf(tag.GetCreatedTime()), timeOf(tag.GetPushedTime())
	if origin := tag.GetOrigin(); origin != nil {
		f.Scan = &scan{
			Trigger:  strings.ToLower(strings.TrimPrefix(origin.GetTrigger().String(), "SCAN_TRIGGER_")),
			Receiver: origin.GetReceiver(), TraceID: origin.GetTraceId(),
		}
	} else {
		f.miss("scan", "it is not among the repository's last 200 scans that found something new")
	}
	asked := func(fact string, known bool, otherwise string) {
		switch {
		case known:
		case unasked != "":
			f.miss(fact, unasked)
		case tag.GetMetadataError() != "":
			f.miss(fact, tag.GetMetadataError())
		default:
			f.miss(fact, otherwise)
		}
	}
	asked("digest", f.Digest != "", "the registry does not tell")
	asked("created", f.Created != nil, "the image does not tell")
	asked("pushed", f.Pushed != nil, "the registry does not tell")
}

// unseen says why a tag is not among the repository's.
func (s *services) unseen(ctx context.Context, r *scannerv1.ImageRepository, f *tagFacts) {
	resp, err := s.tags.ListTags(ctx, &scannerv1.ListTagsRequest{
		Namespace: r.GetMetadata().GetNamespace(), Name: r.GetMetadata().GetName(),
		Pattern: "^" + regexp.QuoteMeta(f.Tag) + "$", PageSize: 1, IncludeExcluded: true,
	})
	if err != nil && !errors.Is(err, rpcerr.ErrNotFound) {
		f.miss("first seen", "the tag is not listed, and whether it is excluded is not told: "+rpcerr.Sentence(err))
		return
	}
	for _, tag := range resp.GetTags() {
		f.FirstSeen, f.Initial, f.Excluded = timeOf(tag.GetFirstSeenTime()), tag.GetInitial(), tag.GetExcluded()
		f.miss("scan", "the repository's exclusion list leaves the tag out, and nothing more is told of it")
		return
	}
	result := r.GetStatus().GetLastScanResult()
	if result == nil {
		f.miss("first seen", "the repository has not been scanned yet")
	} else {
		f.miss("first seen", fmt.Sprintf("the tag is not listed; the last scan, at %s, found %d tags",
			moment(timeOf(result.GetScanTime())), result.GetTagCount()))
	}
	if problem := notReady(r); problem != "" {
		f.miss("scan", problem)
	}
}

// notReady is what an object's Ready condition complains of; empty: nothing.
func notReady(o kinds.Object) string {
	if c := kinds.Ready(o); c.GetStatus() == metav1.ConditionStatus_CONDITION_STATUS_FALSE {
		return c.GetMessage()
	}
	return ""
}

// arrival says in words which scan first saw the tag.
func (f *tagFacts) arrival() string {
	switch {
	case f.Scan == nil && f.Initial:
		return "by the repository's first scan, so that it may be older"
	case f.Scan == nil:
		return ""
	case f.Scan.Trigger == "first":
		return "by the repository's first scan, so that it may be older"
	case f.Scan.Trigger == "interval":
		return "by a scan at its interval"
	case f.Scan.Trigger == "request":
		return "by a scan that somebody asked for"
	case f.Scan.Trigger == "webhook" && f.Scan.Receiver == "":
		return "by a scan that a webhook asked for"
	case f.Scan.Trigger == "webhook":
		return "by a scan that the webhook of Receiver " + f.Scan.Receiver + " asked for"
	case f.Scan.Trigger == "spec":
		return "by a scan because the repository or its secret had changed"
	case f.Scan.Trigger == "retry":
		return "by a scan that was tried again after a failure"
	}
	return "by a scan"
}
