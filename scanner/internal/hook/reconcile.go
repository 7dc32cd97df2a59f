// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"time"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/scanner/internal/receiver"
)

// The reasons of Ready; those of Flux where it has one.
const (
	reasonSucceeded     = "Succeeded"
	reasonTokenNotFound = "TokenNotFound"
	reasonReadFailed    = "ReadOperationFailed"
	reasonInvalid       = "InvalidSpec"
	reasonPathTaken     = "PathTaken"
)

const (
	tokenKey    = "token"
	maxWarnings = 10
)

// known is what was made of a receiver, and of what.
type known struct {
	uid, secretVersion string
	generation         int64
	receiver           *receiver.Receiver
	gate               *gate
	path               string
	// problem is why there is no path; nil: there is one.
	problem *problem
	// told is what the status was last made to say.
	told string
}

type problem struct {
	reason, message string
	// stalled: nothing but a change of the spec helps.
	stalled bool
}

// reconcile makes the paths anew.
func (h *Hooks) reconcile(ctx context.Context, owner Owner) {
	fresh := routes{}
	still := map[object.Key]*known{}
	var news []func()                            // told when the paths answer
	for _, r := range h.config.Receivers.All() { // in the order of their keys, so that of two with one path always the same gets it
		key := object.KeyOfMeta(r.GetMetadata())
		k := h.look(ctx, key, r)
		still[key] = k
		trouble := k.problem
		if k.path != "" {
			if other, taken := fresh.find(k.path); taken {
				trouble = &problem{reason: reasonPathTaken, message: fmt.Sprintf(
					"receiver '%s' has the same path: give one of the two another token", other.key)}
			} else {
				fresh.add(k.path, &route{key: key, object: r, receiver: k.receiver, gate: k.gate})
			}
		}
		if owner.Owns("receivers/" + key.String()) {
			news = append(news, func() { h.tell(ctx, key, r, k, trouble) })
		}
	}
	h.known = still
	h.routes.Store(&fresh)
	for _, tell := range news {
		tell()
	}
}

// look reads the receiver's secret, and compiles the receiver where either is another one than before.
func (h *Hooks) look(ctx context.Context, key object.Key, r *scannerv1.Receiver) *known {
	meta := r.GetMetadata()
	was, ok := h.known[key]
	if !ok || was.uid != meta.GetUid() {
		was = &known{gate: newGate()}
	}
	name := r.GetSpec().GetSecretRef().GetName()
	content, version, err := h.secretOf(ctx, key.Namespace, name)
	if ctx.Err() != nil {
		return was
	}
	same := was.uid == meta.GetUid() && was.generation == meta.GetGeneration()
	if err == nil && same && was.problem == nil && was.secretVersion == version {
		return was
	}
	now := &known{uid: meta.GetUid(), generation: meta.GetGeneration(), secretVersion: version, gate: was.gate, told: was.told}
	switch {
	case errors.Is(err, secret.ErrNotFound):
		now.problem = &problem{reason: reasonTokenNotFound, message: fmt.Sprintf(
			"secret '%s/%s' not found: create it with the key `%s`", key.Namespace, name, tokenKey)}
	case err != nil && same && was.path != "":
		h.logger.WarnContext(ctx, "a receiver's secret cannot be read; what it was still counts", "receiver", key.String(), "error", err)
		return was
	case err != nil:
		now.problem = &problem{reason: reasonReadFailed, message: fmt.Sprintf(
			"secret '%s/%s' cannot be read: %v", key.Namespace, name, err)}
	case name != "" && len(content[tokenKey]) == 0:
		now.problem = &problem{reason: reasonTokenNotFound, message: fmt.Sprintf(
			"invalid '%s/%s' secret data: required field '%s': add it to the secret", key.Namespace, name, tokenKey)}
	default:
		now.compile(key, r, content, h.config.Issuers)
	}
	return now
}

// secretOf reads the receiver's secret; where it names none, there is nothing secret in it.
func (h *Hooks) secretOf(ctx context.Context, namespace, name string) (secret.Secret, string, error) {
	if name == "" {
		return secret.Secret{}, "", nil
	}
	return h.config.Secrets.Get(ctx, namespace, name)
}

func (k *known) compile(key object.Key, r *scannerv1.Receiver, content secret.Secret, issuers *receiver.Issuers) {
	credential := receiver.Credential{
		Token: content[tokenKey], Email: string(content["email"]), Audience: string(content["audience"]),
	}
	made, err := receiver.Compile(r.GetSpec(), credential, issuers)
	if err != nil { // stored by an older or newer version: Apply refuses it
		k.problem = &problem{reason: reasonInvalid, message: err.Error(), stalled: true}
		return
	}
	k.receiver, k.path = made, receiver.Path(credential.Token, key.Name, key.Namespace)
}

// tell writes the status, if it is not what it says already.
func (h *Hooks) tell(ctx context.Context, key object.Key, r *scannerv1.Receiver, k *known, trouble *problem) {
	if suspended(r) {
		return // the status stays as it was
	}
	says := fmt.Sprint(k.generation, k.path, k.warnings(), trouble)
	if trouble != nil {
		says = fmt.Sprint(k.generation, k.path, k.warnings(), *trouble)
	}
	if k.told == says {
		return
	}
	_, err := h.config.Receivers.UpdateStatus(ctx, key, r.GetMetadata().GetUid(), func(r *scannerv1.Receiver) error {
		if r.GetMetadata().GetGeneration() != k.generation {
			return object.ErrUnchanged // it is looked at again in a moment
		}
		k.write(r, trouble)
		return nil
	})
	switch {
	case err == nil:
		k.told = says
	case errors.Is(err, object.ErrNotFound):
	case ctx.Err() == nil:
		h.logger.WarnContext(ctx, "writing a receiver's status failed and is tried again", "receiver", key.String(), "error", err)
	}
}

func (k *known) write(r *scannerv1.Receiver, trouble *problem) {
	status := r.GetStatus()
	if status == nil {
		status = &scannerv1.ReceiverStatus{}
		r.Status = status
	}
	status.ObservedGeneration = k.generation
	status.Warnings = k.warnings()
	now := time.Now()
	if trouble == nil {
		status.WebhookPath = k.path
		conditions.MarkReady(&status.Conditions, k.generation, reasonSucceeded, "Receiver initialized for path: "+k.path, now)
		return
	}
	status.WebhookPath = ""
	mark := conditions.MarkNotReady
	if trouble.stalled {
		mark = conditions.MarkStalled
	}
	mark(&status.Conditions, k.generation, trouble.reason, trouble.message, now)
}

func (k *known) warnings() []string {
	if k.receiver == nil {
		return nil
	}
	all := k.receiver.Warnings()
	return all[:min(len(all), maxWarnings)]
}
