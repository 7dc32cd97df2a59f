// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package storetest_test

import (
	"context"
	"testing"
	"time"

	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

func TestAnOpenedStoreAnswers(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := storetest.Open(t).Check(ctx); err != nil {
		t.Error(err)
	}
}
