// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import "strings"

// Version is a tag as an order by version sees it; see NewestFirst for what a
// version is.
type Version struct {
	tag     string
	is      bool
	version version
}

// VersionOf reads a tag.
func VersionOf(tag string) Version {
	v, is := parseVersion(tag)
	return Version{tag, is, v}
}

// Compare is negative where v is the smaller one: tags that are no versions
// are smaller than those that are, and of what is equal so far the bytes decide.
func (v Version) Compare(w Version) int {
	switch {
	case v.is != w.is && v.is:
		return 1
	case v.is != w.is:
		return -1
	case v.is:
		if c := v.version.compare(w.version); c != 0 {
			return c
		}
	}
	return strings.Compare(v.tag, w.tag)
}
