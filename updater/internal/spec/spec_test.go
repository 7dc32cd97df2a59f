// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"os/exec"
	"strings"
	"testing"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// strange are names that git takes or refuses for some rule of its own.
var strange = []string{
	"main", "feature/x", "a.b", "a.lock", "a.lock/b", ".a", "a/.b", "a..b", "a.", "a/", "/a", "a//b", "a b", "a~b", "a^b", "a:b", "a?b",
	"a*b", "a[b", `a\b`, "a@{b", "@", "a@b", "a\x7fb", "a\tb", "ä", "a]b", "x{y}", "a.locked", "-a", "",
}

func TestReferenceNamesAreThoseOfGit(t *testing.T) {
	for _, name := range strange {
		full := "refs/heads/" + name
		git := exec.CommandContext(t.Context(), "git", "check-ref-format", full).Run() == nil
		if got := validRefName(full); got != git {
			t.Errorf("%q: got %v, git says %v", full, got, git)
		}
	}
}

func FuzzReferenceNamesAreThoseOfGit(f *testing.F) {
	for _, name := range strange {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsRune(name, 0) || strings.ContainsRune(name, '\uFFFD') || strings.ToValidUTF8(name, "") != name {
			t.Skip("no argument of a program, or no text, which the contract does not let through")
		}
		full := "refs/heads/" + name
		git := exec.CommandContext(t.Context(), "git", "check-ref-format", full).Run() == nil
		if got := validRefName(full); got != git {
			t.Errorf("%q: got %v, git says %v", full, got, git)
		}
	})
}

func TestPathsAreCleanedAndStayInside(t *testing.T) {
	for where, want := range map[string]string{
		"": "", ".": "", "./": "", "./apps": "apps", "apps/": "apps", "apps//web/../api": "apps/api", "./apps/web.yaml": "apps/web.yaml",
		"..apps": "..apps", "/apps": "refused", "/": "refused", "..": "refused", "../x": "refused", "apps/../../x": "refused", "a\nb": "refused", "./.git": "refused", "apps/.GIT/x": "refused", ".github": ".github",
	} {
		var c checks
		got := c.path(where)
		if len(c) > 0 {
			got = "refused"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", where, got, want)
		}
	}
}

func TestURLs(t *testing.T) {
	for url, want := range map[string]string{
		"https://example.com/a/b.git":         "",
		"ssh://git@example.com/a/b":           "",
		"ssh://git@example.com:2222/a/b":      "",
		"https://robot@example.com/a":         "has a user or password in it",
		"https://robot:secret@example.com/a":  "has a user or password in it",
		"ssh://git:secret@example.com/a":      "has a user or password in it",
		"https://example.com":                 "has no path",
		"https:///a/b":                        "has no host",
		"ssh://-oProxyCommand=x/a":            "has no host",
		"https://example.com/a?token=secret":  "has a query",
		"https://example.com/a b":             "has spaces",
		"https://example.com/%zz":             "is no URL",
		"https://robot:secret%zz@example.com": "is no URL",
	} {
		violations := CheckRepository(&updaterv1.GitRepository{Spec: &updaterv1.GitRepositorySpec{Url: url}})
		if got := describe(violations); !strings.HasPrefix(got, want) || (want == "" && got != "") || strings.Contains(got, "secret and") {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func describe(violations []rpcerr.FieldViolation) string {
	if len(violations) == 0 {
		return ""
	}
	return violations[0].Sentence
}

func TestReferencesAreChecked(t *testing.T) {
	for field, ref := range map[string]*updaterv1.GitRef{
		"ref.branch": {Branch: "refs/heads/main"},
		"ref.tag":    {Tag: "a..b"},
		"ref.semver": {Semver: ">>1"},
		"ref.name":   {Name: "heads/main"},
		"ref.commit": {Commit: "ABCDEF0123456789ABCDEF0123456789ABCDEF01"},
	} {
		violations := CheckRepository(&updaterv1.GitRepository{Spec: &updaterv1.GitRepositorySpec{Url: "https://example.com/a", Ref: ref}})
		if len(violations) != 1 || violations[0].Path != field {
			t.Errorf("%s: %v", field, violations)
		}
	}
}

func TestSecondPushesAreOneReferenceToOneOther(t *testing.T) {
	for refspec, want := range map[string]SecondPush{
		"HEAD:refs/for/main":                    {To: "refs/for/main"},
		"main:refs/heads/auto":                  {Branch: "main", To: "refs/heads/auto"},
		"refs/heads/main:refs/heads/auto":       {Branch: "main", To: "refs/heads/auto"},
		"refs/heads/a/b:refs/for/main%topic=up": {Branch: "a/b", To: "refs/for/main%topic=up"},
	} {
		var c checks
		if got := c.refspec(refspec); got == nil || *got != want || len(c) > 0 {
			t.Errorf("%s: %+v, %v", refspec, got, c)
		}
	}
	for refspec, want := range map[string]string{
		"+HEAD:refs/heads/x":            "forces",
		"refs/heads/main":               "names no destination",
		":refs/heads/x":                 "would delete",
		"refs/heads/*:refs/heads/*":     "is a pattern",
		"a..b:refs/heads/x":             "is neither HEAD nor a branch",
		"HEAD:auto":                     "is no full reference name",
		"refs/heads/main:refs/heads/x.": "is no full reference name",
	} {
		var c checks
		if got := c.refspec(refspec); got != nil || !strings.Contains(describe(c), want) {
			t.Errorf("%s: %+v, %v", refspec, got, c)
		}
	}
}

func TestARepositoryWhoseProviderOrProxyDoesNotFitIsRefused(t *testing.T) {
	for field, spec := range map[string]*updaterv1.GitRepositorySpec{
		"provider":       {Url: "https://example.com/a", Provider: updaterv1.GitProvider_GIT_PROVIDER_AZURE},
		"secretRef":      {Url: "https://example.com/a", Provider: updaterv1.GitProvider_GIT_PROVIDER_GITHUB},
		"proxySecretRef": {Url: "ssh://git@example.com/a", ProxySecretRef: &metav1.LocalObjectReference{Name: "proxy"}},
	} {
		violations := CheckRepository(&updaterv1.GitRepository{Spec: spec})
		if len(violations) != 1 || violations[0].Path != field {
			t.Errorf("%s: %v", field, violations)
		}
	}
}
