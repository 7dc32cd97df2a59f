// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"strings"
	"testing"
)

func TestParseImageMakesTheNameCanonical(t *testing.T) {
	for image, want := range map[string]string{
		"alpine":                         "index.docker.io/library/alpine",
		"stefanprodan/podinfo":           "index.docker.io/stefanprodan/podinfo",
		"docker.io/alpine":               "index.docker.io/library/alpine",
		"ghcr.io/stefanprodan/podinfo":   "ghcr.io/stefanprodan/podinfo",
		"localhost/app":                  "localhost/app",
		"127.0.0.1:5000/team/app_1__a-b": "127.0.0.1:5000/team/app_1__a-b",
		"[::1]:5000/app":                 "[::1]:5000/app",
	} {
		got, err := ParseImage(image)
		if err != nil || got.String() != want {
			t.Errorf("ParseImage(%q) = %q, %v; want %q", image, got, err, want)
		}
	}
}

func TestParseImageSaysWhatToRemove(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for image, want := range map[string]string{
		"https://ghcr.io/a/b":       "image 'https://ghcr.io/a/b' should not include URL scheme; remove 'https://'",
		"ghcr.io/a/b:1.0":           "image 'ghcr.io/a/b:1.0' should not include a tag; remove ':1.0'",
		"127.0.0.1:5000/a:x":        "image '127.0.0.1:5000/a:x' should not include a tag; remove ':x'",
		"alpine@" + digest:          "image 'alpine@" + digest + "' should not include a digest; remove '@" + digest + "'",
		"user:hunter2@ghcr.io/a":    "image name should not include '@'",
		"":                          `image "" is not an image name`,
		"ghcr.io/":                  `image "ghcr.io/" is not an image name`,
		"ghcr.io/A/b":               `image "ghcr.io/A/b" is not an image name`,
		"ghcr.io/a/../b":            `image "ghcr.io/a/../b" is not an image name: ".." should be lower-case letters and digits, joined by '.', '_' or '-'`,
		"ghcr.io//b":                `image "ghcr.io//b" is not an image name: "" should be lower-case letters and digits, joined by '.', '_' or '-'`,
		"a?b.io/c":                  `image "a?b.io/c" is not an image name`,
		strings.Repeat("a", 513):    "image name is longer than 512 bytes",
		"ghcr.io/a\nb":              `image "ghcr.io/a\nb" is not an image name`,
		"ghcr.io:99999999/whatever": `image "ghcr.io:99999999/whatever" does not begin with a valid host`,
	} {
		_, err := ParseImage(image)
		if err == nil || err.Error() != want {
			t.Errorf("ParseImage(%q): %v\nwant %s", image, err, want)
		}
		if !errors.Is(err, ErrInvalidImage) {
			t.Errorf("ParseImage(%q): not an ErrInvalidImage", image)
		}
	}
}

func FuzzParseImage(f *testing.F) {
	for _, seed := range []string{"alpine", "ghcr.io/a/b:1", "a@b", "http://x", "[::1]:5/a", "localhost:5000/a/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, image string) {
		name, err := ParseImage(image)
		if err != nil {
			return
		}
		if strings.ContainsAny(name.String(), " \t\r\n?#%@\\") || strings.Contains(name.Repository(), "..") {
			t.Errorf("%q became %q", image, name)
		}
		again, err := ParseImage(name.String())
		if err != nil || again != name {
			t.Errorf("%q became %q, and that %q (%v)", image, name, again, err)
		}
	})
}

func TestLoopbackIsKnownWithoutTheDNS(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "a.localhost:1": true, "127.0.0.1:5000": true,
		"127.8.8.8": true, "::1": true, "[::1]:80": true,
		"10.0.0.1:5000": false, "ghcr.io": false, "localhost.example.com": false, "registry.local": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %t", host, got)
		}
	}
}
