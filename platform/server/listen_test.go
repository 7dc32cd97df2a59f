// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/platform/server"
)

func TestAFurtherListenerKeepsTheRulesOfTheServers(t *testing.T) {
	for name, test := range map[string]struct {
		address  string
		tls      server.TLS
		insecure bool
		want     string
	}{
		"loopback":                  {address: "127.0.0.1:0"},
		"none":                      {},
		"beyond loopback":           {address: "0.0.0.0:0", want: "--hook-listen 0.0.0.0:0 is reachable from other machines"},
		"beyond loopback, insecure": {address: "0.0.0.0:0", insecure: true},
		"half an identity":          {address: "127.0.0.1:0", tls: server.TLS{CertFile: "tls.crt"}, want: "go together"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := server.ListenHTTP(t.Context(), "hook-listen", test.address, test.tls, test.insecure)
			switch {
			case test.want != "":
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("the error is %v", err)
				}
				return
			case err != nil:
				t.Fatal(err)
			case (l == nil) != (test.address == ""):
				t.Fatalf("the listener is %v", l)
			}
			if l == nil {
				return
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
