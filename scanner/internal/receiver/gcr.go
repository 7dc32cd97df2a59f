// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// gcr is Google's registries through Pub/Sub, whose push has a token signed by Google. Where the secret has `email` and
// `audience`, the token must be of that service account and for that audience, as in Flux.
func gcr() protocol { return protocol{prove: proveGoogle, read: readGCR} }

func proveGoogle(ctx context.Context, r *Receiver, c Call) error {
	raw, err := bearer(c)
	if err != nil {
		return err
	}
	claims, err := r.issuers.google(ctx, raw, r.credential.Audience)
	if err != nil {
		return err
	}
	if r.credential.Email == "" {
		return nil
	}
	email, _ := claims["email"].(string)
	verified, _ := claims["email_verified"].(bool)
	if !verified || !same([]byte(email), []byte(r.credential.Email)) {
		return fmt.Errorf("%w: Google's token is of another account than the secret's `email`", ErrNotProven)
	}
	return nil
}

func readGCR(c Call) (Notice, error) {
	var envelope struct {
		Message struct {
			Data string `json:"data"`
		} `json:"message"`
	}
	if err := decode(c.Body, &envelope); err != nil {
		return Notice{}, err
	}
	inner, err := base64.StdEncoding.DecodeString(envelope.Message.Data)
	if err != nil {
		return Notice{}, fmt.Errorf("%w: message.data is not base64: %w", ErrPayload, err)
	}
	var event struct {
		Action string `json:"action"`
		Digest string `json:"digest"`
		Tag    string `json:"tag"`
	}
	if err := decode(inner, &event); err != nil {
		return Notice{}, err
	}
	notice := Notice{Event: event.Action}
	// Filters see the inner event, as in Flux.
	if notice.Payload, err = json.Marshal(event); err != nil {
		return Notice{}, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	reference := event.Tag
	if reference == "" {
		reference = event.Digest
	}
	if repository, tag := splitReference(reference); repository != "" {
		notice.Images = []Image{{Repository: repository, Tag: tag}}
	}
	return notice, nil
}
