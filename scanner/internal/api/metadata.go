// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/scanner/internal/metadata"
	"github.com/tidemark-io/tidemark/scanner/internal/tags"
)

// listedDigestAge is how old the digests of listed tags may be, so that the pages of one listing ask for each once.
const listedDigestAge = time.Minute

// wanting is the metadata that a call asks for.
type wanting struct{ digest, created, pushed, platforms, labels bool }

func wantedOf(asked []scannerv1.TagMetadata) wanting {
	var w wanting
	for _, one := range asked {
		switch one {
		case scannerv1.TagMetadata_TAG_METADATA_DIGEST:
			w.digest = true
		case scannerv1.TagMetadata_TAG_METADATA_CREATED:
			w.created = true
		case scannerv1.TagMetadata_TAG_METADATA_PUSHED:
			w.pushed = true
		case scannerv1.TagMetadata_TAG_METADATA_PLATFORMS:
			w.platforms = true
		case scannerv1.TagMetadata_TAG_METADATA_LABELS:
			w.labels = true
		case scannerv1.TagMetadata_TAG_METADATA_UNSPECIFIED: // refused by the contract's rules
		}
	}
	return w
}

func (w wanting) cost() metadata.Want {
	return metadata.Want{Digest: w.digest, Facts: w.created || w.platforms || w.labels, Pushed: w.pushed}
}

// orderOf is the order that a listing asks for.
func orderOf(req *scannerv1.ListTagsRequest) tags.Order {
	order := tags.Order{Descending: req.GetDescending()}
	switch req.GetOrderBy() {
	case scannerv1.TagOrder_TAG_ORDER_UNSPECIFIED, scannerv1.TagOrder_TAG_ORDER_NAME:
		order.By = tags.ByName
	case scannerv1.TagOrder_TAG_ORDER_VERSION:
		order.By = tags.ByVersion
	case scannerv1.TagOrder_TAG_ORDER_CREATED:
		order.By = tags.ByCreated
	case scannerv1.TagOrder_TAG_ORDER_FIRST_SEEN:
		order.By = tags.ByFirstSeen
	}
	return order
}

func (a *Tags) subject(set tags.Set, maxAge time.Duration) metadata.Subject {
	return metadata.Subject{
		UID: set.Head.UID, Image: set.Head.Image, Asker: a.Inquiry.About(set.Repository, set.Head.Image), MaxAge: maxAge,
	}
}

// created says when tags were made; zero where that cannot be found out, which the page that shows the tag tells.
func (a *Tags) created(ctx context.Context, set tags.Set, names []string) []time.Time {
	times := make([]time.Time, len(names))
	for i, tag := range a.Metadata.Tags(ctx, a.subject(set, listedDigestAge), names, metadata.Want{Facts: true}) {
		times[i] = tag.Facts.Created
	}
	return times
}

// describe adds the wanted metadata to messages, and what went wrong with it. It returns what it found, unless nothing is
// wanted.
func (a *Tags) describe(
	ctx context.Context, set tags.Set, messages []*scannerv1.Tag, wanted wanting, maxAge time.Duration,
) []metadata.Tag {
	names := make([]string, len(messages))
	for i, message := range messages {
		names[i] = message.GetName()
		message.Digest = "" // what is stored may have moved since
	}
	if wanted == (wanting{}) || len(messages) == 0 {
		return nil
	}
	found := a.Metadata.Tags(ctx, a.subject(set, maxAge), names, wanted.cost())
	for i, message := range messages {
		wanted.fill(message, found[i])
	}
	return found
}

func (w wanting) fill(message *scannerv1.Tag, tag metadata.Tag) {
	if w.digest {
		message.Digest = tag.Digest
	}
	if w.created && !tag.Facts.Created.IsZero() {
		message.CreatedTime = timestamppb.New(tag.Facts.Created)
	}
	if w.pushed && !tag.Pushed.IsZero() {
		message.PushedTime = timestamppb.New(tag.Pushed)
	}
	if w.platforms {
		message.Platforms = tag.Facts.Platforms
	}
	if w.labels {
		message.Labels = tag.Facts.Labels
	}
	message.MetadataError = tag.Problem()
}
