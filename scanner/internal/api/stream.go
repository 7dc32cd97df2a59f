// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
)

// A message has at most 1 MiB; the room is for the head in the last one, whose only parts without a bound of their own are
// an image of 512 bytes and a trace state of some KiB.
const (
	maxMessage = 1 << 20
	headRoom   = 64 << 10
)

// StreamTags implements the RPC.
func (a *Tags) StreamTags(req *scannerv1.StreamTagsRequest, stream grpc.ServerStreamingServer[scannerv1.StreamTagsResponse]) error {
	ctx := stream.Context()
	key := object.KeyOf(req.GetRepository().GetNamespace(), req.GetRepository().GetName())
	set, err := a.open(ctx, key, req.GetPolicyNamespace())
	if err != nil {
		return tagsError(err)
	}
	delta, whole, err := a.Reader.Changes(ctx, set, req.GetHaveUid(), req.GetHaveRevision())
	if err != nil {
		return err
	}
	out := &tagStream{send: stream.Send, message: &scannerv1.StreamTagsResponse{Whole: whole}}
	for _, entry := range slices.Concat(delta.Added, delta.Changed) {
		if err := out.add(tagMessage(entry)); err != nil {
			return err
		}
	}
	for _, tag := range delta.Removed {
		if err := out.remove(tag); err != nil {
			return err
		}
	}
	out.message.Complete = headMessage(set.Repository, set.Head, set.Revision)
	return stream.Send(out.message)
}

// tagStream packs tags into messages and sends those that are full.
type tagStream struct {
	send    func(*scannerv1.StreamTagsResponse) error
	message *scannerv1.StreamTagsResponse
	size    int
}

func (s *tagStream) add(tag *scannerv1.Tag) error {
	if err := s.room(proto.Size(tag)); err != nil {
		return err
	}
	s.message.Added = append(s.message.Added, tag)
	return nil
}

func (s *tagStream) remove(tag string) error {
	if err := s.room(len(tag)); err != nil {
		return err
	}
	s.message.Removed = append(s.message.Removed, tag)
	return nil
}

// room makes room for a field of that many bytes: with its tag, which is one byte here, and its length.
func (s *tagStream) room(bytes int) error {
	size := 1 + protowire.SizeBytes(bytes)
	if s.size+size > maxMessage-headRoom {
		if err := s.send(s.message); err != nil {
			return err
		}
		s.message, s.size = &scannerv1.StreamTagsResponse{Whole: s.message.GetWhole()}, 0
	}
	s.size += size
	return nil
}
