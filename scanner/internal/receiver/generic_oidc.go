// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// genericOIDC is anybody with a token of one of the spec's oidcProviders, in `Authorization: Bearer`, whose claims pass
// that provider's validations.
func genericOIDC() protocol { return protocol{prove: proveOIDC, read: nameless("")} }

func proveOIDC(ctx context.Context, r *Receiver, c Call) error {
	raw, err := bearer(c)
	if err != nil {
		return err
	}
	issuer, err := unverifiedIssuer(raw)
	if err != nil {
		return err
	}
	var failures []error
	for _, provider := range r.providers {
		if provider.issuer != issuer {
			continue
		}
		claims, err := r.issuers.verify(ctx, raw, provider.issuer, provider.audience)
		if err == nil {
			err = provider.validate(ctx, claims)
		}
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return fmt.Errorf("%w: the token's issuer is none of oidcProviders", ErrNotProven)
	}
	return errors.Join(failures...)
}

// provider is one of the spec's, compiled.
type provider struct {
	issuer, audience string
	variables        []variable
	validations      []validation
}

type variable struct {
	name string
	expression
}

type validation struct {
	expression
	message string
}

func (p *provider) validate(ctx context.Context, claims map[string]any) error {
	vars := map[string]any{}
	over := map[string]any{"claims": claims, "vars": vars}
	for _, v := range p.variables {
		value, err := v.evaluate(ctx, over)
		if err != nil {
			return fmt.Errorf("%w: variable %s: %w", ErrNotProven, v.name, err)
		}
		vars[v.name] = value
	}
	for _, v := range p.validations {
		holds, err := v.holds(ctx, over)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrNotProven, v.message, err)
		}
		if !holds {
			return fmt.Errorf("%w: %s", ErrNotProven, v.message)
		}
	}
	return nil
}

// bearer is the token of `Authorization: Bearer <token>`.
func bearer(c Call) (string, error) {
	scheme, raw, ok := strings.Cut(c.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return "", fmt.Errorf("%w: there is no `Authorization: Bearer` with a token", ErrNotProven)
	}
	return strings.TrimSpace(raw), nil
}
