// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package connection

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/config"
)

// fresh is how long a token is used before its source is asked again: a command that watches outlives most tokens.
const fresh = time.Minute

// bearer adds a token to calls. A nil one adds nothing.
type bearer struct {
	source *config.Token

	mu    sync.Mutex
	token string
	read  time.Time
}

// with is the context of a call that carries the token.
func (b *bearer) with(ctx context.Context) (context.Context, error) {
	if b == nil {
		return ctx, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token == "" || time.Since(b.read) > fresh {
		token, err := b.source.Read(ctx)
		if err != nil {
			return nil, err
		}
		b.token, b.read = token, time.Now()
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+b.token), nil
}
