// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Command resolver follows a scanner's tags and answers which is the best for a policy.
package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/program"
	"github.com/tidemark-io/tidemark/resolver"
)

func main() {
	var upstream program.Upstream
	program.Main(&program.Program{
		Name:   "resolver",
		Config: config.Common{Listen: "127.0.0.1:9002", HTTPListen: "127.0.0.1:9102", DataDir: "data/resolver"},
		Build: func(ctx context.Context, host *program.Host) ([]program.Part, error) {
			return build(ctx, host, &upstream)
		},
	}, func(fs *pflag.FlagSet) { upstream.AddFlags(fs, "scanner", "127.0.0.1:9001") })
}

func build(ctx context.Context, host *program.Host, upstream *program.Upstream) ([]program.Part, error) {
	conn, connection, err := upstream.Dial(ctx, host)
	if err != nil {
		return nil, err
	}
	service, err := resolver.New(resolver.Config{
		Store: host.Store, Telemetry: host.Telemetry, Health: host.Health, Scanner: conn,
	})
	if err != nil {
		return nil, err
	}
	return []program.Part{connection, {Name: "resolver", Register: service.Register, Run: service.Run}}, nil
}
