// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Want says which metadata costs what it costs.
type Want struct {
	Digest bool
	// Facts are the creation time, platforms and labels.
	Facts  bool
	Pushed bool
}

// Subject is a repository whose tags are asked about.
type Subject struct {
	UID string
	// Image is the one that the tags were listed from.
	Image string
	Asker Asker
	// MaxAge is how old a digest may be; zero: the registry is asked now.
	MaxAge time.Duration
}

// Tag is what was found about a tag.
type Tag struct {
	Name string
	// Digest is empty where it was neither wanted nor needed.
	Digest string
	Facts  Facts
	// Pushed is zero where the registry does not tell it.
	Pushed time.Time
	// DigestErr is why there is no digest and so no facts; FactsErr and PushedErr are why these are missing.
	DigestErr, FactsErr, PushedErr error
}

// Problem is a sentence that tells what of the wanted is missing, and why; empty: nothing is.
func (t Tag) Problem() string {
	var missing []string
	for _, err := range []error{t.DigestErr, t.FactsErr, t.PushedErr} {
		if err != nil {
			missing = append(missing, err.Error())
		}
	}
	if t.Facts.Incomplete != "" {
		missing = append(missing, t.Facts.Incomplete)
	}
	return strings.Join(missing, "; ")
}

// Tags finds the metadata of tags, in their order. What goes wrong with a tag is told in it.
func (r *Reader) Tags(ctx context.Context, of Subject, names []string, want Want) []Tag {
	found := make([]Tag, len(names))
	var group errgroup.Group
	group.SetLimit(questionsAtOnce)
	for i, name := range names {
		found[i].Name = name
		if want.Digest || want.Facts {
			group.Go(func() error { r.find(ctx, of, &found[i], want); return nil })
		}
	}
	var pushed map[string]time.Time
	var untold error
	if want.Pushed && len(names) > 0 {
		pushed, untold = of.Asker.Pushed(ctx, names)
	}
	_ = group.Wait() // none of them returns an error
	for i := range found {
		if at, told := pushed[found[i].Name]; told {
			found[i].Pushed = at
		} else {
			found[i].PushedErr = untold
		}
	}
	return found
}

func (r *Reader) find(ctx context.Context, of Subject, tag *Tag, want Want) {
	if tag.Digest, tag.DigestErr = r.digest(ctx, of, tag.Name); tag.DigestErr != nil || !want.Facts {
		return
	}
	tag.Facts, tag.FactsErr = r.Facts(ctx, of.UID, tag.Digest, of.Asker)
}
