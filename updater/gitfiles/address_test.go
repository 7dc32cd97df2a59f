// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitfiles_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/updater/gitfiles"
)

func TestAddressesAreRead(t *testing.T) {
	for text, want := range map[string]gitfiles.Address{
		"https://git.example.com/fleet.git":                         {URL: "https://git.example.com/fleet.git"},
		"https://Git.Example.com/fleet/?ref=main&path=/clusters/p/": {URL: "https://git.example.com/fleet", Ref: "main", Path: "clusters/p"},
		"http://127.0.0.1:8080/a/b?path=a/../b/./c":                 {URL: "http://127.0.0.1:8080/a/b", Path: "b/c"},
		"ssh://git@host:2222/repo?ref=semver:1.x":                   {URL: "ssh://git@host:2222/repo", Ref: "semver:1.x"},
		"git@host:org/repo.git?ref=v1&path=x":                       {URL: "ssh://git@host/org/repo.git", Ref: "v1", Path: "x"},
		"https://host/repo?ref=feature%2Fa&path=.":                  {URL: "https://host/repo", Ref: "feature/a"},
	} {
		got, err := gitfiles.ParseAddress(text)
		if err != nil || got != want || !gitfiles.IsAddress(text) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		again, err := gitfiles.ParseAddress(got.String())
		if err != nil || again != got {
			t.Errorf("%s: written %s, read %+v, %v", text, got, again, err)
		}
		if strings.Contains(got.Identity(), "ref=") {
			t.Errorf("%s: the identity %s changes with the ref", text, got.Identity())
		}
	}
}

func TestFoldersAreNoAddresses(t *testing.T) {
	for _, text := range []string{"./manifests", "/etc/tidemark", "a:b", "C:\\x", "clusters@prod", "dir/git@host:x", ""} {
		if gitfiles.IsAddress(text) {
			t.Errorf("%q is taken for an address", text)
		}
	}
}

func TestAddressesThatCannotBeUsedAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"https://bob:hunter2@host/repo":      "user or password",
		"https://token@host/repo":            "user or password",
		"ssh://git:hunter2@host/repo":        "user or password",
		"file:///srv/repo":                   "folder by its path",
		"oci://host/repo":                    "https, http or ssh",
		"https:///repo":                      "no host",
		"https://host/":                      "no path",
		"https://host/repo#main":             "?ref=NAME",
		"https://host/repo?branch=main":      "neither ref nor path",
		"https://host/repo?ref=a&ref=b":      "twice",
		"https://host/repo?path=../x":        "leaves the repository",
		"https://host/repo?path=a/../../x":   "leaves the repository",
		"https://host/repo?ref=semver:nope":  "no range",
		"https://host/repo?ref=a%0Ab":        "control characters",
		"https://host/repo?ref=%zz":          "cannot be read",
		"https://bob:hunter2@host:port/repo": "no URL",
	} {
		_, err := gitfiles.ParseAddress(text)
		if !errors.Is(err, gitfiles.ErrAddress) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"https://h/r?ref=main&path=a/b", "git@h:o/r?ref=semver:1.x", "ssh://git@h:22/r", "https://u:p@h/r", "http://h//?path=%2e%2e/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := gitfiles.ParseAddress(text)
		if err != nil {
			return
		}
		if a.Path == ".." || strings.HasPrefix(a.Path, "../") || strings.HasPrefix(a.Path, "/") {
			t.Fatalf("%q: path %q", text, a.Path)
		}
		again, err := gitfiles.ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("%q: %+v is written %q and read %+v, %v", text, a, a, again, err)
		}
	})
}
