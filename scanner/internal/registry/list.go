// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// defaultPageSize is what every large registry takes (ECR takes no more).
const defaultPageSize = 1000

// Listing is a complete list of tags.
type Listing struct {
	// Tags are in byte order, each once.
	Tags []string
	// Pages is the number of tags/list requests: max(1, ceil(n/page)), one
	// more where the registry links after a full last page.
	Pages int
	// Duplicates counts tags that were listed again, and left out.
	Duplicates int
	// Invalid counts strings that are no tags, and were left out; InvalidExample
	// is the first of them, quoted, at most 128 characters of it.
	Invalid        int
	InvalidExample string
}

// List lists all tags of a repository, or fails: a listing that broke off
// returns an *Error and no tags. It returns context.Canceled, wrapped, when ctx
// is cancelled.
func (c *Client) List(ctx context.Context, name CanonicalName, options Options) (Listing, error) {
	var listing Listing
	ctx = withProgress(ctx)
	err := c.do(ctx, asked{name: name}, options, func(s *session, about asked) error {
		l := &lister{limits: c.limits, session: s, about: about, followed: map[[sha256.Size]byte]bool{}}
		listing = Listing{}
		if err := l.all(ctx, firstPage(name, options.PageSize)); err != nil {
			return err
		}
		listing = l.listing()
		return nil
	})
	if err != nil {
		return Listing{}, err
	}
	return listing, nil
}

// firstPage is https always: the session knows which scheme the registry speaks.
func firstPage(name CanonicalName, size int) *url.URL {
	if size <= 0 {
		size = defaultPageSize
	}
	return &url.URL{
		Scheme:   "https",
		Host:     name.registry,
		Path:     "/v2/" + name.repository + "/tags/list",
		RawQuery: fmt.Sprintf("n=%d", size),
	}
}

// lister walks the pages of one listing.
type lister struct {
	limits  limits
	session *session
	about   asked

	pages    int
	read     int64 // bytes
	idle     int   // pages in a row without a tag
	followed map[[sha256.Size]byte]bool
	collected
}

func (l *lister) all(ctx context.Context, next *url.URL) error {
	for next != nil {
		if l.pages == l.limits.pages {
			return l.about.invalid("more than %d pages of tags", l.limits.pages)
		}
		link := sha256.Sum256([]byte(next.String()))
		if l.followed[link] {
			return l.about.invalid("its pages of tags go round in a circle")
		}
		l.followed[link] = true
		var err error
		if next, err = l.page(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// page reads one page and says where the next one is; nil after the last.
func (l *lister) page(ctx context.Context, at *url.URL) (*url.URL, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, l.about.invalid("page %d has an address that is not valid", l.pages+1)
	}
	request.Header.Set("Accept", "application/json")
	answer, err := l.session.client.Do(request)
	if err != nil {
		return nil, l.about.failed(err)
	}
	defer discard(answer)
	l.pages++
	if answer.StatusCode != http.StatusOK {
		return nil, l.about.refused(answer)
	}
	before := len(l.tags)
	if err := l.readPage(answer); err != nil {
		return nil, err
	}
	if l.idle++; len(l.tags) > before {
		l.idle = 0
	}
	next, err := l.next(answer)
	if err == nil && next != nil && l.idle >= l.limits.idle {
		return nil, l.about.invalid("%d pages in a row hold no tags", l.idle)
	}
	return next, err
}

// next reads the Link header. The next page may be on the registry, or on the
// host that the registry redirected this page to, and nowhere else.
func (l *lister) next(answer *http.Response) (*url.URL, error) {
	target, ok := nextLink(answer.Header)
	if !ok {
		return nil, l.about.invalid("the Link header of page %d cannot be read", l.pages)
	}
	if target == "" {
		return nil, nil
	}
	here := answer.Request.URL
	next, err := here.Parse(target)
	if err != nil {
		return nil, l.about.invalid("the Link header of page %d cannot be read", l.pages)
	}
	next.User, next.Fragment, next.RawFragment = nil, "", ""
	switch {
	case strings.EqualFold(next.Host, l.about.name.registry):
		// Behind a proxy a registry may not know its own scheme; the session does.
		next.Scheme = "https"
	case strings.EqualFold(next.Host, here.Host) && next.Scheme == here.Scheme:
	default:
		return nil, l.about.invalid("page %d links to another host", l.pages)
	}
	return next, nil
}

func (l *lister) listing() Listing {
	slices.Sort(l.tags)
	tags := slices.Compact(l.tags)
	return Listing{
		Tags:           slices.Clip(tags),
		Pages:          l.pages,
		Duplicates:     len(l.tags) - len(tags),
		Invalid:        l.invalid,
		InvalidExample: l.invalidExample,
	}
}
