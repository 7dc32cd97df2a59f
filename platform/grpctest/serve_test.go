// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package grpctest_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/platform/grpctest"
)

func TestEmbeddedStoreAnswers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := grpctest.EmbeddedStore(t).Check(ctx); err != nil {
		t.Error(err)
	}
}
