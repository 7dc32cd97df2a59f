// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"time"

	"github.com/distribution/distribution/v3/configuration"
)

// Notifications are the registry's own webhooks: it posts envelopes of events
// (push, pull, delete) and tries again until they are answered with success.
type Notifications struct {
	// URL is where they are posted.
	URL string
	// Token is sent as `Authorization: Bearer <token>`; empty: none is.
	Token string
}

func notifications(n *Notifications) configuration.Notifications {
	if n == nil {
		return configuration.Notifications{}
	}
	headers := http.Header{}
	if n.Token != "" {
		headers.Set("Authorization", "Bearer "+n.Token)
	}
	return configuration.Notifications{Endpoints: []configuration.Endpoint{{
		Name: "webhook", URL: n.URL, Headers: headers, Timeout: 5 * time.Second, Threshold: 5, Backoff: 100 * time.Millisecond,
	}}}
}
