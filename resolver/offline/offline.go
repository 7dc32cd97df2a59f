// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package offline answers requests to the resolver in the caller's process: no server, no store, no registry. It is for
// trying a policy on a list of tags, and answers exactly what a resolver would, by the same code. Requests about stored
// repositories are answered as a resolver without any would.
package offline

import (
	"context"
	"fmt"

	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	"github.com/tidemark-io/tidemark/platform/server"
	"github.com/tidemark-io/tidemark/resolver/internal/api"
)

// Resolver answers requests about tags that come with them. It is safe for concurrent use.
type Resolver struct{ resolution *api.Resolution }

// New makes a resolver without a server.
func New() *Resolver { return &Resolver{resolution: api.NewOffline()} }

// Resolve selects one tag. Errors: those of the RPC, as *rpcerr.Error.
func (r *Resolver) Resolve(ctx context.Context, req *resolverv1.ResolveRequest) (*resolverv1.ResolveResponse, error) {
	if err := server.Validate(req); err != nil {
		return nil, fmt.Errorf("resolving: %w", err)
	}
	return r.resolution.Resolve(ctx, req) //nolint:wrapcheck // it has its form already
}

// Explain says what became of every tag. Errors: those of the RPC, as *rpcerr.Error.
func (r *Resolver) Explain(ctx context.Context, req *resolverv1.ExplainRequest) (*resolverv1.ExplainResponse, error) {
	if err := server.Validate(req); err != nil {
		return nil, fmt.Errorf("explaining: %w", err)
	}
	return r.resolution.Explain(ctx, req) //nolint:wrapcheck // it has its form already
}
