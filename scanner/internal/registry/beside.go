// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"net/http"
)

// Password is what a registry's host may be told by who signs in with one; empty: nothing.
type Password struct{ Username, Password string }

// Beside is the way to an API that a registry's host has beside the registry itself: its connections, its budget and its
// bounds are the same. The password is for that host alone, and the caller sees to that. Errors are those of List.
func (c *Client) Beside(ctx context.Context, name CanonicalName, options Options) (http.RoundTripper, Password, error) {
	about := asked{name: name}
	credential, err := c.credential(ctx, about, options)
	if err != nil {
		return nil, Password{}, err
	}
	way, err := c.reach(name.registry, options.Network)
	if err != nil {
		return nil, Password{}, about.unreachable("the system's certificate authorities cannot be read", false)
	}
	return &guard{
		next: c.withinBudget(way, name, credential), host: name.registry, maxBody: c.limits.body,
		plain: options.Insecure, local: options.Network.isLocal(),
	}, Password{credential.Username, credential.Password}, nil
}
