// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"fmt"
	"sync"
	"testing"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/resolver/internal/policy"
	"github.com/tidemark-io/tidemark/resolver/internal/tagindex"
)

func TestCurrentTagsAreOfTheirHead(t *testing.T) {
	head := func(revision int64) *scannerv1.TagSetHead {
		return &scannerv1.TagSetHead{Uid: "u", Revision: revision, Image: fmt.Sprintf("image-%d", revision)}
	}
	delta := func(revision int64) tagindex.Delta {
		return tagindex.Delta{Revision: revision, Whole: true, Added: policy.TagsOf([]string{fmt.Sprintf("image-%d", revision)})}
	}
	tags := newTags(head(1), delta(1))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				head, snapshot := tags.Current()
				if _, ok := snapshot.Tag(head.GetImage()); !ok {
					t.Errorf("the head of revision %d has the tags of %d", head.GetRevision(), snapshot.Revision())
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for revision := int64(2); revision < 2000; revision++ {
		tags.apply(head(revision), delta(revision))
	}
	close(done)
	readers.Wait()
}
