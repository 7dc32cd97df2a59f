// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Command updater follows a resolver's policies and commits their choices to Git.
package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/program"
	"github.com/tidemark-io/tidemark/updater"
)

// settings are the updater's own flags.
type settings struct {
	upstream program.Upstream
	updater.Flags
}

func main() {
	var own settings
	program.Main(&program.Program{
		Name:   "updater",
		Config: config.Common{Listen: "127.0.0.1:9003", HTTPListen: "127.0.0.1:9103", DataDir: "data/updater"},
		Build: func(ctx context.Context, host *program.Host) ([]program.Part, error) {
			return build(ctx, host, &own)
		},
	}, func(fs *pflag.FlagSet) {
		own.upstream.AddFlags(fs, "resolver", "127.0.0.1:9002")
		own.Add(fs)
	})
}

func build(ctx context.Context, host *program.Host, own *settings) ([]program.Part, error) {
	conn, connection, err := own.upstream.Dial(ctx, host)
	if err != nil {
		return nil, err
	}
	service, err := updater.New(updater.Config{
		Store: host.Store, Telemetry: host.Telemetry, Secrets: host.Secrets, Health: host.Health, Resolver: conn,
		DataDir: host.DataDir, Settle: own.Settle, NoCrossNamespaceRefs: own.NoCrossNamespaceRefs,
	})
	if err != nil {
		return nil, err
	}
	return []program.Part{connection, {Name: "updater", Register: service.Register, Run: service.Run}}, nil
}
