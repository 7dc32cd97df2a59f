// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/signing"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// plan is what a run works with: the objects as they were when it began.
type plan struct {
	automation *updaterv1.ImageUpdateAutomation
	key        object.Key
	spec       spec.Automation
	source     *updaterv1.GitRepository
	repo       *gitrepo.Repo
	checkout   gitrepo.Ref
	// signer is nil where commits are not signed.
	signer *signing.Signer
}

// prepare reads the spec, the source and the signing key.
func (w *work) prepare(ctx context.Context) *Error {
	if state.AutomationSuspended(w.automation) && !w.preview {
		return suspended("ImageUpdateAutomation", w.key)
	}
	parsed, violations := spec.ParseAutomation(w.automation)
	if len(violations) > 0 {
		return invalidSpec(violations)
	}
	w.spec = parsed
	if w.NoCrossNamespaceRefs && parsed.Source.Namespace != w.key.Namespace {
		return &Error{Kind: Denied, Reason: "AccessDenied", Sentence: fmt.Sprintf(
			"GitRepository '%s' is in another namespace, which --no-cross-namespace-refs forbids; use one of namespace '%s'",
			parsed.Source, w.key.Namespace)}
	}
	source, err := w.Repositories.Get(ctx, parsed.Source)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return notReady("referenced GitRepository '%s' does not exist; create it, or correct spec.sourceRef", parsed.Source)
	case err != nil:
		return storeFailure(err)
	case state.RepositorySuspended(source):
		return notReady("referenced GitRepository '%s' is suspended; resume it", parsed.Source)
	}
	if violations := spec.CheckRepository(source); len(violations) > 0 {
		return notReady("referenced GitRepository '%s' is invalid: spec.%s", parsed.Source, violations[0])
	}
	w.source, w.checkout = source, spec.RefOf(source.GetSpec().GetRef())
	if parsed.Checkout != nil {
		w.checkout = *parsed.Checkout
	}
	return w.readSigningKey(ctx)
}

func (w *work) readSigningKey(ctx context.Context) *Error {
	if w.spec.Signing == nil {
		return nil
	}
	key := w.spec.Signing.Secret
	s, _, err := w.Secrets.Get(ctx, key.Namespace, key.Name)
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return signingFailure("there is no secret '%s'; create it, or correct spec.git.commit.signingKey", key)
	case err != nil:
		return signingFailure("secret '%s' cannot be read: %v", key, err)
	}
	if w.signer, err = w.signers.Get(w.spec.Signing.Type, s); err != nil {
		return signingFailure("secret '%s': %v", key, err)
	}
	return nil
}

// signingFailure is tried again: the secret may come, or be corrected. No commit is ever made without its signature.
func signingFailure(format string, args ...any) *Error {
	return &Error{Kind: Failed, Reason: reasonSigning, Sentence: "commits cannot be signed: " + fmt.Sprintf(format, args...)}
}

// remotely gives an operation on the remote the time that the source allows.
func (w *work) remotely(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, spec.TimeoutOf(w.source))
}
