// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package pushtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	maxAnswer = 8 << 20 // bytes
	pageSize  = 100
	// maxPages bounds a listing: 10,000 tags.
	maxPages = 100
	// fewTags are asked about one by one; of more of them the registry's list is read until all are found.
	fewTags = 5
	maxTime = 253402300799 // the year 9999, in s
)

// errMore says that some tags are not among those that are listed.
var errMore = fmt.Errorf("%w: not all the tags are among its first %d", ErrInvalidResponse, maxPages*pageSize)

// webAPI asks over HTTP for JSON.
type webAPI struct {
	transport http.RoundTripper
}

// get reads an answer into what is to hold it; found is false where there is nothing of that address.
func (w webAPI) get(ctx context.Context, query Query, address string, into any) (found bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, fmt.Errorf("%w: its address is not valid", ErrInvalidResponse)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "tidemark")
	if request.URL.Host == query.Host && query.Username != "" {
		request.SetBasicAuth(query.Username, query.Password)
	}
	answer, err := w.client(query, request.URL.Host).Do(request)
	switch {
	case errors.Is(err, context.Canceled):
		return false, context.Canceled
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnreachable, cause(err))
	}
	defer answer.Body.Close() //nolint:errcheck // what counts was read by then
	if answer.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if err := refused(answer); err != nil {
		return false, err
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: the connection broke", ErrUnreachable)
	case len(content) > maxAnswer:
		return false, fmt.Errorf("%w: it is larger than %d bytes", ErrInvalidResponse, maxAnswer)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return false, fmt.Errorf("%w: it is not the JSON that was expected", ErrInvalidResponse)
	}
	return true, nil
}

// client follows no redirect: these APIs send none, and the credentials are for one host.
func (w webAPI) client(query Query, host string) *http.Client {
	client := &http.Client{
		Transport:     w.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if query.Transport != nil && host == query.Host {
		client.Transport = query.Transport
	}
	return client
}

// cause leaves out the address, whose query is nobody's business.
func cause(err error) error {
	if about, ok := errors.AsType[*url.Error](err); ok {
		return about.Err
	}
	return err
}

func refused(answer *http.Response) error {
	status := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	switch code := answer.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("%w (%s)", ErrRefused, status)
	case code == http.StatusTooManyRequests:
		return fmt.Errorf("%w (%s)", ErrRateLimited, status)
	case code >= http.StatusInternalServerError:
		return fmt.Errorf("%w (%s)", ErrUnreachable, status)
	}
	return fmt.Errorf("%w (%s)", ErrInvalidResponse, status)
}

// origin is where the registry's own host is asked.
func origin(query Query) string {
	if query.Plain {
		return "http://" + query.Host
	}
	return "https://" + query.Host
}

// collector gathers the times of the tags that are wanted.
type collector struct {
	wanted map[string]bool
	times  map[string]time.Time
}

func collect(tags []string) *collector {
	c := &collector{wanted: make(map[string]bool, len(tags)), times: map[string]time.Time{}}
	for _, tag := range tags {
		c.wanted[tag] = true
	}
	return c
}

// tell notes a time. Of one tag the first counts; a time that makes no sense does not.
func (c *collector) tell(tag string, at time.Time) {
	_, told := c.times[tag]
	if c.wanted[tag] && !told && at.Unix() > 0 && at.Unix() <= maxTime {
		c.times[tag] = at.UTC()
	}
	delete(c.wanted, tag)
}

func (c *collector) complete() bool { return len(c.wanted) == 0 }

// pages reads pages from the first until all that is wanted was told, or there are no more.
func (c *collector) pages(read func(page int) (more bool, err error)) (map[string]time.Time, error) {
	for page := 1; page <= maxPages; page++ {
		more, err := read(page)
		if err != nil || !more || c.complete() {
			return c.times, err
		}
	}
	return c.times, errMore
}
