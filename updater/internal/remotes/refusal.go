// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// notThereError is a 404: no such installation, or no API.
type notThereError struct{ error }

// Unwrap gives what it says.
func (e notThereError) Unwrap() error { return e.error }

func missing(err error) bool {
	_, is := errors.AsType[notThereError](err)
	return is
}

// fail is an error of a kind, with who is meant.
func (c *call) fail(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: a token of the GitHub App was asked for at %s: %s", kind, c.base, fmt.Sprintf(format, args...))
}

// refusal says what to do about an answer that is none.
func (c *call) refusal(response *http.Response, body []byte) error {
	said := c.said(response.StatusCode, body)
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized:
		return c.fail(ErrSecret, "%s; check that %s and %s of secret '%s' belong together, that the key is still among the App's keys, and that this machine's clock is right",
			said, keyApp, keyPrivate, c.secret)
	case status == http.StatusNotFound && c.installation == "":
		return notThereError{c.fail(ErrSecret, "%s; App %s is not installed at '%s', or %s of secret '%s' is not the API's",
			said, c.id, c.owner, keyBase, c.secret)}
	case status == http.StatusNotFound:
		return notThereError{c.fail(ErrSecret, "%s; there is no installation %s of App %s: check %s of secret '%s', and that the App is still installed",
			said, c.installation, c.id, keyInstallation, c.secret)}
	case limited(response), status >= http.StatusInternalServerError:
		return c.fail(gitrepo.ErrServer, "%s; it is tried again", said)
	case status == http.StatusForbidden:
		return c.fail(ErrSecret, "%s; see whether the installation is suspended, in the organization's settings", said)
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return c.fail(gitrepo.ErrProtocol, "%s, a redirect, which is not followed; put the API's own URL into %s of secret '%s'", said, keyBase, c.secret)
	default:
		return c.fail(ErrSecret, "%s; check %s, %s and %s of secret '%s'", said, keyApp, keyInstallation, keyBase, c.secret)
	}
}

// limited tells that too much was asked for, by whomever.
func limited(response *http.Response) bool {
	return response.StatusCode == http.StatusTooManyRequests ||
		response.StatusCode == http.StatusForbidden && (response.Header.Get("Retry-After") != "" || response.Header.Get("X-RateLimit-Remaining") == "0")
}

// said is the status and what GitHub says of it, on one line, without what it was told.
func (c *call) said(status int, body []byte) string {
	text := fmt.Sprintf("it answered %d", status)
	var answer struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Message == "" || strings.Contains(answer.Message, c.claim) {
		return text
	}
	words := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(answer.Message, "?"))
	if len(words) > maxSaid {
		words = strings.ToValidUTF8(words[:maxSaid], "") + "…"
	}
	return fmt.Sprintf("%s (%q)", text, words)
}
