// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"time"

	"github.com/tidemark-io/tidemark/platform/object"
)

// followAgain is how long a broken subscription rests.
const followAgain = 200 * time.Millisecond

// Follow tells take of all objects, then of a checkpoint, then of each change, until the context ends. A subscription that
// breaks is taken up where it ended; where that is forgotten, all is told again.
func Follow[T object.Message](ctx context.Context, objects *object.Store[T], take func(object.Event[T])) error {
	token := ""
	for ctx.Err() == nil {
		err := follow(ctx, objects, &token, take)
		if errors.Is(err, object.ErrTokenExpired) || errors.Is(err, object.ErrTokenForeign) {
			token = ""
		}
		select {
		case <-ctx.Done():
		case <-time.After(followAgain):
		}
	}
	return nil
}

func follow[T object.Message](ctx context.Context, objects *object.Store[T], token *string, take func(object.Event[T])) error {
	subscription, err := objects.Subscribe(ctx, object.Filter{}, *token)
	if err != nil {
		return err
	}
	for {
		event, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		take(event)
		if event.ResumeToken != "" {
			*token = event.ResumeToken
		}
	}
}
