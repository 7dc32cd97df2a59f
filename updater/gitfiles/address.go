// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitfiles

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// ErrAddress says that an address cannot be used. The sentence says why; no retry helps.
var ErrAddress = errors.New("the address of a Git repository cannot be used")

// Address is what is looked at.
type Address struct {
	// URL is the repository's: http, https or ssh, without user and password (but for an ssh user).
	URL string
	// Ref is a branch or, where there is no such branch, a tag; `semver:RANGE` (the highest tag in it); a commit id of 40
	// digits; a full name (refs/…). Empty: the remote's HEAD.
	Ref string
	// Path is a folder or file, with slashes, relative to the root. Empty: the root.
	Path string
}

var (
	withScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	scpLike    = regexp.MustCompile(`^([^@/:?]+)@([^@/:?]+):([^?]*)(\?.*)?$`)
)

// IsAddress says whether a text is meant as a repository's address rather than as a file's path.
func IsAddress(text string) bool { return withScheme.MatchString(text) || scpLike.MatchString(text) }

// ParseAddress reads `https://host/repo?ref=main&path=clusters/prod`; the scheme is http, https or ssh, and
// `git@host:repo` is ssh too. Errors: ErrAddress.
func ParseAddress(text string) (Address, error) {
	if m := scpLike.FindStringSubmatch(text); m != nil && !withScheme.MatchString(text) {
		text = "ssh://" + m[1] + "@" + m[2] + "/" + strings.TrimPrefix(m[3], "/") + m[4]
	}
	u, err := url.Parse(text)
	if err != nil {
		// The parser's words would repeat the text, and what is secret in it.
		return Address{}, fmt.Errorf("%w: it is no URL", ErrAddress)
	}
	if err := check(u); err != nil {
		return Address{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	a := Address{}
	if a.Ref, a.Path, err = query(u.RawQuery); err != nil {
		return Address{}, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	u.RawQuery, u.ForceQuery = "", false
	u.Host = strings.ToLower(u.Host)
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	a.URL = u.String()
	return a, nil
}

func check(u *url.URL) error {
	_, password := u.User.Password()
	switch u.Scheme {
	case "http", "https", "ssh":
	case "file":
		return errors.New("give a folder by its path, without file://")
	default:
		return fmt.Errorf("its scheme is %q and not https, http or ssh", u.Scheme)
	}
	switch {
	case password, u.User != nil && u.Scheme != "ssh":
		return errors.New("it has a user or password in it, where everybody can read it; put username and password into a secret")
	case u.Hostname() == "":
		return errors.New("it has no host")
	case strings.Trim(u.Path, "/") == "":
		return errors.New("it has no path, which names the repository on its server")
	case u.Fragment != "":
		return errors.New("it has a fragment; a branch, tag or commit is written ?ref=NAME")
	}
	return nil
}

func query(raw string) (ref, where string, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", "", errors.New("what follows the ? cannot be read")
	}
	for key, all := range values {
		switch {
		case !slices.Contains([]string{"ref", "path"}, key):
			return "", "", fmt.Errorf("%q is neither ref nor path, which are all that may follow the ?", key)
		case len(all) > 1:
			return "", "", fmt.Errorf("%s is there twice", key)
		}
	}
	if ref, err = checkRef(values.Get("ref")); err != nil {
		return "", "", err
	}
	where = path.Clean(strings.Trim(values.Get("path"), "/"))
	switch {
	case where == ".":
		where = ""
	case where == ".." || strings.HasPrefix(where, "../"):
		return "", "", errors.New("its path leaves the repository")
	}
	return ref, where, nil
}

func checkRef(ref string) (string, error) {
	if bounds, is := strings.CutPrefix(ref, "semver:"); is {
		if _, err := semver.NewConstraint(bounds); err != nil {
			return "", fmt.Errorf("%q is no range of versions (a + in a URL is a space: write %%2B)", bounds)
		}
	}
	if strings.ContainsFunc(ref, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("its ref has control characters")
	}
	return ref, nil
}

// Identity is the URL and the path: what stays the same when another branch or tag is looked at.
func (a Address) Identity() string {
	if a.Path == "" {
		return a.URL
	}
	return a.URL + "?path=" + a.Path
}

// String is the address as ParseAddress reads it.
func (a Address) String() string {
	q := url.Values{}
	if a.Ref != "" {
		q.Set("ref", a.Ref)
	}
	if a.Path != "" {
		q.Set("path", a.Path)
	}
	if len(q) == 0 {
		return a.URL
	}
	return a.URL + "?" + q.Encode()
}
