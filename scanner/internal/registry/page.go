// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tidemark-io/tidemark/scanner/internal/tagset"
)

// collected is what the pages of a listing hold together.
type collected struct {
	tags           []string // as listed
	invalid        int
	invalidExample string
}

var (
	errTooMany = errors.New("too many tags")
	errNotTags = errors.New("not a list of tags")
)

// readPage reads a page's body into what is collected.
func (l *lister) readPage(answer *http.Response) error {
	body := &countingReader{reader: answer.Body}
	err := decodePage(body, func(tag string) error {
		if len(l.tags)+l.invalid >= l.limits.tags {
			return errTooMany
		}
		l.add(tag)
		return nil
	})
	l.read += body.read
	switch {
	case errors.Is(err, errTooMany):
		return l.about.invalid("more than %d tags", l.limits.tags)
	case errors.Is(body.failed, errTooLarge):
		return l.about.invalid("page %d is larger than %d bytes", l.pages, l.limits.body)
	case body.failed != nil:
		return l.about.failed(body.failed)
	case err != nil:
		return l.about.invalid("page %d is no list of tags in JSON", l.pages)
	case l.read > l.limits.total:
		return l.about.invalid("its pages of tags are larger than %d bytes together", l.limits.total)
	}
	return nil
}

func (c *collected) add(tag string) {
	if tagset.ValidTag(tag) {
		c.tags = append(c.tags, tag)
		return
	}
	if c.invalid++; c.invalid == 1 {
		c.invalidExample = fmt.Sprintf("%.128q", tag)
	}
}

// decodePage reads {"name": …, "tags": [string…] or null} from a stream and hands
// out each tag as it comes, so that a huge page is not held twice.
func decodePage(body io.Reader, add func(string) error) error {
	decoder := json.NewDecoder(body)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return err
	}
	known := false
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		switch key {
		case "tags":
			known = true
			err = decodeTags(decoder, add)
		default:
			known = known || key == "name"
			var skipped json.RawMessage
			err = decoder.Decode(&skipped)
		}
		if err != nil {
			return err
		}
	}
	if err := expect(decoder, json.Delim('}')); err != nil {
		return err
	}
	if !known {
		return errNotTags
	}
	return nil
}

func decodeTags(decoder *json.Decoder, add func(string) error) error {
	opening, err := decoder.Token()
	if err != nil || opening == nil { // null: no tags
		return err
	}
	if opening != json.Delim('[') {
		return errNotTags
	}
	for decoder.More() {
		element, err := decoder.Token()
		if err != nil {
			return err
		}
		tag, ok := element.(string)
		if !ok {
			return errNotTags
		}
		if err := add(tag); err != nil {
			return err
		}
	}
	return expect(decoder, json.Delim(']'))
}

func expect(decoder *json.Decoder, want json.Delim) error {
	got, err := decoder.Token()
	if err == nil && got != want {
		return errNotTags
	}
	return err
}

// countingReader remembers how much was read and what broke it off, which the
// decoder's errors do not tell from bad syntax.
type countingReader struct {
	reader io.Reader
	read   int64
	failed error
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	r.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, err
}
