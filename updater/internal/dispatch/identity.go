// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/spec"
)

// unknownHead stands for the branch that the remote's HEAD is, while nobody knows which. No branch has this name.
const unknownHead = "HEAD"

// groupOf names the group of an automation: who pushes where, and as whom, and over which proxy.
func (d *Dispatcher) groupOf(a spec.Automation) string {
	source, ok := d.Repositories.Cached(a.Source)
	if !ok {
		return "absent " + a.Source.String()
	}
	s := source.GetSpec()
	provider := s.GetProvider()
	if provider == updaterv1.GitProvider_GIT_PROVIDER_UNSPECIFIED {
		provider = updaterv1.GitProvider_GIT_PROVIDER_GENERIC
	}
	secret := func(ref *metav1.LocalObjectReference) string {
		if ref.GetName() == "" {
			return ""
		}
		return a.Source.Namespace + "/" + ref.GetName()
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		normalURL(s.GetUrl()), pushedTo(a, source), secret(s.GetSecretRef()), secret(s.GetProxySecretRef()), provider.String(),
	}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// pushedTo is the branch that an automation pushes to; empty where what it checks out is none.
func pushedTo(a spec.Automation, source *updaterv1.GitRepository) string {
	if a.PushBranch != "" {
		return a.PushBranch
	}
	checkout := spec.RefOf(source.GetSpec().GetRef())
	if a.Checkout != nil {
		checkout = *a.Checkout
	}
	switch {
	case checkout.Name != "" && checkout.Commit == "":
		branch, _ := strings.CutPrefix(checkout.Name, "refs/heads/")
		return branch
	case checkout.Commit != "", checkout.Tag != "", checkout.SemVer != "":
		return ""
	case checkout.Branch != "":
		return checkout.Branch
	}
	if head := headOf(source); head != "" {
		return head
	}
	return unknownHead
}

// headOf is the branch that the remote's HEAD is, by the last look at the source; empty where that is not known, or the
// source's own reference is another one.
func headOf(source *updaterv1.GitRepository) string {
	if spec.RefOf(source.GetSpec().GetRef()) != (gitrepo.Ref{}) ||
		source.GetStatus().GetObservedGeneration() != source.GetMetadata().GetGeneration() {
		return ""
	}
	revision := source.GetStatus().GetArtifact().GetRevision()
	if at := strings.LastIndex(revision, "@sha1:"); at > 0 {
		return revision[:at]
	}
	return "" // it is detached
}

// normalURL is the same for URLs that differ in what no server tells apart.
func normalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80", u.Scheme == "ssh" && u.Port() == "22":
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	u.Path, u.RawPath = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), ".git"), ""
	return u.String()
}
