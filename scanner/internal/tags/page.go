// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tags

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"regexp"
	"time"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/scanner/internal/state"
	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// ErrForeignPage says that a page token is none, or is of another listing.
var ErrForeignPage = errors.New("the page token is of another listing")

// Query is what is listed.
type Query struct {
	Key object.Key
	// Pattern is an unanchored RE2; nil: all tags.
	Pattern *regexp.Regexp
	// Excluded lists the tags that the exclusion list leaves out as well.
	Excluded bool
	// Order is that of the tags; Created says when each was made and is needed to order by that.
	Order   Order
	Created func(ctx context.Context, set Set, tags []string) []time.Time
	// Size is how many tags a page has at most; at least 1.
	Size int
	// Token is the page before's; empty: the first page.
	Token string
}

// Page lists tags, and returns the next page's token; empty after the last. All pages are of the
// store's revision at which the first was read. Errors: those of Open; ErrForeignPage, ErrPageGone, ErrTooMany.
func (r *Reader) Page(ctx context.Context, q Query) (set Set, page []tagset.Entry, next string, err error) {
	place, err := parsePlace(q.Token, q.hash())
	if err != nil {
		return Set{}, nil, "", err
	}
	set, err = r.openAt(ctx, q.Key, place.at)
	switch {
	case q.Token != "" && (errors.Is(err, state.ErrForgotten) || errors.Is(err, ErrNotScanned)):
		return Set{}, nil, "", fmt.Errorf("%w: %w", ErrPageGone, err)
	case err != nil:
		return Set{}, nil, "", err
	}
	if q.Order == (Order{}) {
		page, next, err = q.byName(ctx, set, place)
	} else {
		page, next, err = q.ordered(ctx, set, place)
	}
	if err != nil {
		return Set{}, nil, "", err
	}
	return set, page, next, nil
}

// matches says whether an entry is listed.
func (q Query) matches(entry tagset.Entry) bool {
	return (entry.Visible() || q.Excluded && entry.Present()) && (q.Pattern == nil || q.Pattern.MatchString(entry.Tag))
}

// byName reads no further than the page, for the set is in that order.
func (q Query) byName(ctx context.Context, set Set, at place) (page []tagset.Entry, next string, err error) {
	for entry, err := range set.from(ctx, at.after) {
		if err != nil {
			return nil, "", err
		}
		if entry.Tag <= at.after || !q.matches(entry) {
			continue
		}
		if len(page) == q.Size {
			return page, at.next(set.At, page[len(page)-1].Tag, 0), nil
		}
		page = append(page, entry)
	}
	return page, "", nil
}

// hash tells one listing from another.
func (q Query) hash() uint64 {
	h := fnv.New64a()
	pattern := ""
	if q.Pattern != nil {
		pattern = q.Pattern.String()
	}
	// A hash never fails to be written to.
	_, _ = fmt.Fprintf(h, "%s\x00%s\x00%d\x00%t\x00%t", q.Key, pattern, q.Order.By, q.Order.Descending, q.Excluded)
	return h.Sum64()
}

// place is where a page begins: base64url of the version (1 byte), the listing's hash, the store's revision, the last tag's
// time in an order by time (8 bytes each), that tag, and a CRC-32 over all that. The checksum is against mistakes: a forged token shows
// nothing that its maker may not see.
type place struct {
	hash  uint64
	at    int64
	time  int64
	after string
}

const (
	placeVersion = 2
	placeFixed   = 1 + 8 + 8 + 8 + 4
)

func (p place) next(at int64, after string, time int64) string {
	b := binary.BigEndian.AppendUint64([]byte{placeVersion}, p.hash)
	b = binary.BigEndian.AppendUint64(b, uint64(at))   //nolint:gosec // revisions are not negative
	b = binary.BigEndian.AppendUint64(b, uint64(time)) //nolint:gosec // read back as it is
	b = append(b, after...)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

func parsePlace(token string, hash uint64) (place, error) {
	if token == "" {
		return place{hash: hash}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= placeFixed || b[0] != placeVersion {
		return place{}, ErrForeignPage
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	p := place{
		hash:  binary.BigEndian.Uint64(body[1:]),
		at:    int64(binary.BigEndian.Uint64(body[9:])),  //nolint:gosec // checked below
		time:  int64(binary.BigEndian.Uint64(body[17:])), //nolint:gosec // written so
		after: string(body[25:]),
	}
	if crc32.ChecksumIEEE(body) != sum || p.hash != hash || p.at <= 0 || !tagset.ValidTag(p.after) {
		return place{}, ErrForeignPage
	}
	return p, nil
}
