// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// KindImageRepository is the kind of resources that is acted on.
const KindImageRepository = "ImageRepository"

// ErrFilter says that a filter could not be evaluated over this payload.
var ErrFilter = errors.New("the filter cannot be evaluated over the payload")

// Receiver is a receiver's spec, compiled, with its credential. It is safe for concurrent use.
type Receiver struct {
	spec       *scannerv1.ReceiverSpec
	protocol   protocol
	credential Credential
	issuers    *Issuers
	filter     *expression
	// filters are those of the resources; nil where one has none.
	filters   []*expression
	providers []*provider
}

// Compile makes a receiver of a spec, which it keeps and does not change. Errors: one of rpcerr.Fields, whose paths begin
// with `spec`.
func Compile(spec *scannerv1.ReceiverSpec, credential Credential, issuers *Issuers) (*Receiver, error) {
	r := &Receiver{spec: spec, credential: credential, issuers: issuers}
	var wrong violations
	var known bool
	if r.protocol, known = protocolOf(spec.GetType()); !known {
		wrong.add("spec.type", "is no type that is known")
	}
	if spec.GetSecretRef().GetName() == "" && spec.GetType() != scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC {
		wrong.add("spec.secret_ref", "is needed: its key `token` is part of the path, and proves the caller")
	}
	r.filter = wrong.filter("spec.resource_filter", spec.GetResourceFilter())
	for i, resource := range spec.GetResources() {
		at := fmt.Sprintf("spec.resources[%d]", i)
		r.filters = append(r.filters, wrong.filter(at+".filter", resource.GetFilter()))
		if resource.GetName() != "*" && len(resource.GetMatchLabels()) > 0 {
			wrong.add(at+".match_labels", "goes with the name `*` only")
		}
	}
	r.providers = wrong.providers(spec)
	return r, rpcerr.Fields(wrong)
}

type violations []rpcerr.FieldViolation

func (v *violations) add(path, sentence string) {
	*v = append(*v, rpcerr.FieldViolation{Path: path, Sentence: sentence})
}

func (v *violations) compile(path, text string, words vocabulary, condition bool) expression {
	made, err := compile(words, text, condition)
	if err != nil {
		v.add(path, err.Error())
	}
	return made
}

func (v *violations) filter(path, text string) *expression {
	if text == "" {
		return nil
	}
	made := v.compile(path, text, filterWords(), true)
	return &made
}

func (v *violations) providers(spec *scannerv1.ReceiverSpec) []*provider {
	isOIDC := spec.GetType() == scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC
	switch named := len(spec.GetOidcProviders()) > 0; {
	case isOIDC && !named:
		v.add("spec.oidc_providers", "is needed with the type `generic-oidc`: whose tokens are believed")
	case !isOIDC && named:
		v.add("spec.oidc_providers", "goes with the type `generic-oidc` only")
	}
	all := make([]*provider, 0, len(spec.GetOidcProviders()))
	for i, p := range spec.GetOidcProviders() {
		at := fmt.Sprintf("spec.oidc_providers[%d]", i)
		if u, err := url.Parse(p.GetIssuerUrl()); err != nil || u.Scheme != "https" || u.Host == "" {
			v.add(at+".issuerURL", "must be a URL that begins with `https://`")
		}
		made := &provider{issuer: p.GetIssuerUrl(), audience: p.GetAudience()}
		for j, one := range p.GetVariables() {
			path := fmt.Sprintf("%s.variables[%d].expression", at, j)
			made.variables = append(made.variables,
				variable{name: one.GetName(), expression: v.compile(path, one.GetExpression(), claimWords(), false)})
		}
		for j, one := range p.GetValidations() {
			path := fmt.Sprintf("%s.validations[%d].expression", at, j)
			made.validations = append(made.validations,
				validation{expression: v.compile(path, one.GetExpression(), claimWords(), true), message: one.GetMessage()})
		}
		all = append(all, made)
	}
	return all
}

// Read believes a call or not, and says what it tells. Errors: ErrNotProven, ErrUnverifiable, ErrPayload, ErrEvent.
func (r *Receiver) Read(ctx context.Context, c Call) (Notice, error) {
	if err := r.protocol.prove(ctx, r, c); err != nil {
		return Notice{}, err
	}
	wanted := r.spec.GetEvents()
	read := r.protocol.read
	if r.protocol.partial != nil {
		read = func(c Call) (Notice, error) { return r.protocol.partial(c, wanted) }
	}
	notice, err := read(c)
	if err != nil {
		return Notice{}, err
	}
	named := slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, notice.Event) })
	if r.protocol.events && r.protocol.partial == nil && len(wanted) > 0 && !named {
		return Notice{}, fmt.Errorf("%w: %.100q", ErrEvent, notice.Event)
	}
	if notice.Payload == nil {
		notice.Payload = c.Body
	}
	return notice, nil
}

// Filters is what one call's payload makes of the receiver's filters. It is for one goroutine.
type Filters struct {
	receiver *Receiver
	payload  []byte
	over     map[string]any
}

// Filters prepares the filters for a payload, which is parsed when the first one needs it.
func (r *Receiver) Filters(notice Notice) *Filters {
	return &Filters{receiver: r, payload: notice.Payload}
}

// Let says whether the filters let a resource through: the i-th of the spec's, or one that it selects. object makes what
// they see as `res`. Errors: ErrFilter.
func (f *Filters) Let(ctx context.Context, i int, object func() (map[string]any, error)) (bool, error) {
	var both []*expression
	for _, filter := range []*expression{f.receiver.filter, f.receiver.filters[i]} {
		if filter != nil {
			both = append(both, filter)
		}
	}
	if len(both) == 0 {
		return true, nil
	}
	if f.over == nil {
		var payload map[string]any
		if err := json.Unmarshal(f.payload, &payload); err != nil {
			return false, fmt.Errorf("%w: it is no JSON object", ErrFilter)
		}
		f.over = map[string]any{"req": payload}
	}
	res, err := object()
	if err != nil {
		return false, err
	}
	f.over["res"] = res
	for _, filter := range both {
		let, err := filter.holds(ctx, f.over)
		if err != nil {
			return false, fmt.Errorf("%w: %w", ErrFilter, err)
		}
		if !let {
			return false, nil
		}
	}
	return true, nil
}

// Warnings are what of a spec and its credential has no effect, or less than somebody may think.
func (r *Receiver) Warnings() []string {
	var all []string
	for i, resource := range r.spec.GetResources() {
		if resource.GetKind() != KindImageRepository {
			all = append(all, fmt.Sprintf("resources[%d]: nothing is done with a %s; an ImageRepository is scanned", i, resource.GetKind()))
		}
	}
	if len(r.spec.GetEvents()) > 0 && !r.protocol.events {
		all = append(all, "events: has no effect with this type")
	}
	if r.spec.GetType() == scannerv1.ReceiverType_RECEIVER_TYPE_GCR && (r.credential.Email == "" || r.credential.Audience == "") {
		all = append(all, "secretRef: without the keys `email` and `audience` a token of any Google account is believed")
	}
	return all
}
