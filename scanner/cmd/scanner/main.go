// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Command scanner lists registries' tags and remembers them.
package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/program"
	"github.com/tidemark-io/tidemark/scanner"
)

func main() {
	var own scanner.Flags
	program.Main(&program.Program{
		Name:   "scanner",
		Config: config.Common{Listen: "127.0.0.1:9001", HTTPListen: "127.0.0.1:9101", DataDir: "data/scanner"},
		Build: func(ctx context.Context, host *program.Host) ([]program.Part, error) {
			return build(ctx, host, own)
		},
	}, func(fs *pflag.FlagSet) { own.Add(fs) })
}

func build(ctx context.Context, host *program.Host, own scanner.Flags) ([]program.Part, error) {
	hooks, err := host.ListenHTTP(ctx, "hook-listen", own.HookListen)
	if err != nil {
		return nil, err
	}
	service, err := scanner.New(scanner.Config{
		Store: host.Store, Telemetry: host.Telemetry, Secrets: host.Secrets, Health: host.Health, NamespaceLabels: host.Namespaces.Of,
		PageSize: own.PageSize, MaxTagShrink: own.MaxTagShrink, Hooks: hooks,
	})
	if err != nil {
		return nil, err
	}
	return []program.Part{{Name: "scanner", Register: service.Register, Run: service.Run}}, nil
}
