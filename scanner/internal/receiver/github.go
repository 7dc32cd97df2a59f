// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import "net/url"

const (
	githubSignature     = "X-Hub-Signature-256"
	githubSignatureSHA1 = "X-Hub-Signature"
	githubEvent         = "X-Github-Event"
)

// github signs the body. Any of its events may be meant to cause a scan; those of packages name an image as well.
func github() protocol {
	return protocol{prove: signed(githubSignature, githubSignatureSHA1), read: readGitHub, events: true}
}

func readGitHub(c Call) (Notice, error) {
	notice := Notice{Event: c.Header.Get(githubEvent), Payload: githubPayload(c)}
	if notice.Event == "ping" {
		notice.Idle = true
	}
	if isPackageEvent(notice.Event) {
		if image, err := readPackage(notice.Payload); err == nil {
			notice.Images = image
		}
	}
	return notice, nil
}

// githubPayload is the JSON of a call, which GitHub sends as it is or as a form's field.
func githubPayload(c Call) []byte {
	if c.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return c.Body
	}
	form, err := url.ParseQuery(string(c.Body))
	if err != nil {
		return nil // no JSON: whoever reads it says so
	}
	return []byte(form.Get("payload"))
}
