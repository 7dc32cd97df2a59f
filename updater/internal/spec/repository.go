// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

const defaultTimeout = time.Minute

// CheckRepository says what is wrong with a Git repository's spec; the paths are below spec.
func CheckRepository(r *updaterv1.GitRepository) []rpcerr.FieldViolation {
	var c checks
	c.url(r.GetSpec().GetUrl())
	c.ref("ref", r.GetSpec().GetRef())
	if p := r.GetSpec().GetProvider(); p == updaterv1.GitProvider_GIT_PROVIDER_AZURE || p == updaterv1.GitProvider_GIT_PROVIDER_AWS {
		c.add("provider", "azure and aws need the identity of a workload, which there is none of here; put a token into a secret as username and password or bearerToken, name that in spec.secretRef, and leave the provider out")
	}
	if r.GetSpec().GetProvider() == updaterv1.GitProvider_GIT_PROVIDER_GITHUB {
		c.app(r.GetSpec())
	}
	if r.GetSpec().GetProxySecretRef() != nil && strings.HasPrefix(r.GetSpec().GetUrl(), "ssh:") {
		c.add("proxySecretRef", "a proxy is used for http and https URLs alone, and this one is ssh; take it away, or use the https URL")
	}
	return c
}

// app checks what a GitHub App needs.
func (c *checks) app(s *updaterv1.GitRepositorySpec) {
	switch {
	case strings.HasPrefix(s.GetUrl(), "ssh:"):
		c.add("provider", "a GitHub App's token is for https URLs alone, and this one is ssh; use the https URL")
	case s.GetSecretRef().GetName() == "":
		c.add("secretRef", "a GitHub App needs a secret with githubAppID, githubAppInstallationID and githubAppPrivateKey")
	}
}

// TimeoutOf is the deadline over one operation on the remote.
func TimeoutOf(r *updaterv1.GitRepository) time.Duration {
	if timeout := r.GetSpec().GetTimeout(); timeout != nil {
		return timeout.AsDuration()
	}
	return defaultTimeout
}

// RefOf is a reference as package gitrepo has it; nil is the remote's HEAD.
func RefOf(ref *updaterv1.GitRef) gitrepo.Ref {
	return gitrepo.Ref{
		Branch: ref.GetBranch(), Tag: ref.GetTag(), SemVer: ref.GetSemver(), Name: ref.GetName(), Commit: ref.GetCommit(),
	}
}

func (c *checks) url(text string) {
	parsed, err := url.Parse(text)
	if err != nil {
		c.add("url", "is no URL") // the parser's words would repeat it, and what is secret in it
		return
	}
	_, password := parsed.User.Password()
	switch {
	case password, parsed.User != nil && parsed.Scheme != "ssh":
		c.add("url", "has a user or password in it, where everybody can read it: take it out, put username and password into a secret, and name that in spec.secretRef")
	case parsed.Hostname() == "" || strings.HasPrefix(parsed.Hostname(), "-"):
		c.add("url", "has no host")
	case strings.Trim(parsed.Path, "/") == "" || strings.HasPrefix(parsed.Path, "/-"):
		c.add("url", "has no path, which names the repository on its server")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		c.add("url", "has a query or a fragment, which a repository's URL does not have")
	case strings.ContainsAny(text, "\x00\r\n\t "):
		c.add("url", "has spaces or control characters")
	}
}

var commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)

func (c *checks) ref(field string, ref *updaterv1.GitRef) {
	c.branch(field+".branch", ref.GetBranch())
	if tag := ref.GetTag(); tag != "" && !validRefName("refs/tags/"+tag) {
		c.add(field+".tag", "%q cannot be a tag's name", tag)
	}
	if text := ref.GetSemver(); text != "" {
		if _, err := semver.NewConstraint(text); err != nil {
			c.add(field+".semver", "%q is no range of versions: %v", text, err)
		}
	}
	if name := ref.GetName(); name != "" && (!strings.HasPrefix(name, "refs/") || !validRefName(name)) {
		c.add(field+".name", "%q is no full reference name; those begin with refs/, for example refs/heads/main", name)
	}
	if commit := ref.GetCommit(); commit != "" && !commitID.MatchString(commit) {
		c.add(field+".commit", "%q is no full commit id of 40 lower-case hexadecimal digits", commit)
	}
}

func (c *checks) branch(field, name string) {
	if name == "" {
		return
	}
	switch {
	case strings.HasPrefix(name, "refs/heads/"):
		c.add(field, "%q is a full reference name; give the branch alone: %s", name, strings.TrimPrefix(name, "refs/heads/"))
	case name == "HEAD" || strings.HasPrefix(name, "-") || !validRefName("refs/heads/"+name):
		c.add(field, "%q cannot be a branch's name", name)
	}
}

// validRefName holds the rules of git check-ref-format.
func validRefName(name string) bool {
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") || strings.ContainsAny(name, " ~^:?*[\\\x7f") {
		return false
	}
	for component := range strings.SplitSeq(name, "/") {
		if component == "" || strings.HasPrefix(component, ".") || strings.HasSuffix(component, ".lock") {
			return false
		}
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\uFFFD' })
}
