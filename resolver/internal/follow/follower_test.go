// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/grpctest"
	"github.com/tidemark-io/tidemark/platform/object"
)

// script is a scanner that answers StreamTags with what it was given.
type script struct {
	scannerv1.UnimplementedTagServiceServer
	parts []*scannerv1.StreamTagsResponse
	asked *scannerv1.StreamTagsRequest
}

func (s *script) StreamTags(req *scannerv1.StreamTagsRequest, stream scannerv1.TagService_StreamTagsServer) error {
	s.asked = req
	for _, part := range s.parts {
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	return nil
}

func newFollower(t *testing.T, s *script) *Follower {
	t.Helper()
	conn := grpctest.Serve(t, func(to grpc.ServiceRegistrar) { scannerv1.RegisterTagServiceServer(to, s) })
	return New(Config{Scanner: conn}, func(object.Key) {})
}

func TestTransfersThatAreNoneAreNotTakenIn(t *testing.T) {
	head := &scannerv1.TagSetHead{Uid: "u", Revision: 7}
	for name, tt := range map[string]struct {
		parts []*scannerv1.StreamTagsResponse
		says  string
	}{
		"no head":          {[]*scannerv1.StreamTagsResponse{{Whole: true}}, "ended the transfer without a head"},
		"nothing":          {nil, "ended the transfer without a head"},
		"delta to nothing": {[]*scannerv1.StreamTagsResponse{{Complete: head}}, "not known here"},
		"long tag": {[]*scannerv1.StreamTagsResponse{
			{Whole: true, Added: []*scannerv1.Tag{{Name: strings.Repeat("x", 129)}}, Complete: head},
		}, "a tag of 129 bytes"},
		"empty tag": {[]*scannerv1.StreamTagsResponse{{Whole: true, Added: []*scannerv1.Tag{{}}, Complete: head}}, "a tag of 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFollower(t, &script{parts: tt.parts})
			_, err := f.Tags(t.Context(), object.KeyOf("", "app"))
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOutOfDateTagsAreBetterThanNone(t *testing.T) {
	s := &script{parts: []*scannerv1.StreamTagsResponse{
		{Whole: true, Added: []*scannerv1.Tag{{Name: "1.0.0"}}},
		{Whole: true, Complete: &scannerv1.TagSetHead{Uid: "u", Revision: 7}},
	}}
	f := newFollower(t, s)
	key := object.KeyOf("", "app")
	tags, err := f.Refresh(t.Context(), key, "flux-system")
	if err != nil {
		t.Fatal(err)
	}
	s.parts = nil
	again, err := f.Refresh(t.Context(), key, "flux-system")
	if err != nil || again != tags {
		t.Errorf("got %v, %v", again, err)
	}
	if s.asked.GetHaveRevision() != 7 || s.asked.GetHaveUid() != "u" {
		t.Errorf("it asked %v", s.asked)
	}
	if repositories, size := f.Held(); repositories != 1 || size != 1 {
		t.Errorf("held: %d repositories, %d tags", repositories, size)
	}
}

func TestTagsThatNobodyWantsAreBounded(t *testing.T) {
	f := newFollower(t, &script{parts: []*scannerv1.StreamTagsResponse{
		{Whole: true, Added: []*scannerv1.Tag{{Name: "1.0.0"}}, Complete: &scannerv1.TagSetHead{Uid: "u", Revision: 7}},
	}})
	wanted := object.KeyOf("", "wanted")
	f.Want(object.KeyOf("", "policy"), wanted)
	for i := range maxIdleSources + 20 {
		if _, err := f.Tags(t.Context(), object.Key{Namespace: "n", Name: fmt.Sprintf("app-%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if repositories, _ := f.Held(); repositories != maxIdleSources {
		t.Errorf("%d repositories are held", repositories)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.sources[wanted] == nil {
		t.Error("what a policy wants is not held")
	}
}
