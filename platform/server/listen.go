// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"net"
)

// ListenHTTP opens a listener for an HTTP server of the caller's by this package's rules: with a certificate it speaks TLS,
// and asks for no client's; without one it must be on loopback, or insecure. name is the flag that has set the address.
// An empty address opens none, and nil is returned.
func ListenHTTP(ctx context.Context, name, address string, identity TLS, insecure bool) (net.Listener, error) {
	config, err := identity.config()
	if err != nil {
		return nil, err
	}
	l, err := listen(ctx, Config{TLS: identity, Insecure: insecure}, name, address)
	if err != nil || l == nil || config == nil {
		return l, err
	}
	config = webTLS(config)
	config.NextProtos = []string{"http/1.1"}
	return tls.NewListener(l, config), nil
}
