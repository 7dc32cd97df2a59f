// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math"
	"strconv"
	"strings"
)

// maxVersionLength is what Masterminds takes, so that both take the same.
const maxVersionLength = 256

// The first byte of what follows major, minor and patch, and of each identifier of a pre-release. A version without
// pre-release is above all of its pre-releases; a shorter list of identifiers is below a longer one; numbers are below
// names.
const (
	markPrerelease byte = 1
	markRelease    byte = 2

	markEnd    byte = 1
	markNumber byte = 2
	markName   byte = 3
)

// version is a three-part version. Build metadata is checked and dropped: it does not order.
type version struct {
	major, minor, patch uint64
	prerelease          string // empty: a release
}

// parseVersion reads three numbers, leading zeros allowed, after an optional `v`, with optional pre-release and build
// metadata. It takes what Masterminds' NewVersion takes, of three parts.
func parseVersion(s string) (version, bool) {
	if len(s) > maxVersionLength {
		return version{}, false
	}
	s = strings.TrimPrefix(s, "v")
	s, metadata, hasMetadata := strings.Cut(s, "+")
	if hasMetadata && !validIdentifiers(metadata, true) {
		return version{}, false
	}
	s, prerelease, hasPrerelease := strings.Cut(s, "-")
	if hasPrerelease && !validIdentifiers(prerelease, false) {
		return version{}, false
	}
	v := version{prerelease: prerelease}
	var ok bool
	if v.major, s, ok = cutNumber(s, true); !ok {
		return version{}, false
	}
	if v.minor, s, ok = cutNumber(s, true); !ok {
		return version{}, false
	}
	v.patch, _, ok = cutNumber(s, false)
	return v, ok
}

// cutNumber reads digits, then a dot or the end.
func cutNumber(s string, dot bool) (n uint64, rest string, ok bool) {
	i := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digit := uint64(s[i] - '0')
		if n > (math.MaxUint64-digit)/10 {
			return 0, "", false
		}
		n = n*10 + digit
	}
	if i == 0 {
		return 0, "", false
	}
	if !dot {
		return n, "", i == len(s)
	}
	if i == len(s) || s[i] != '.' {
		return 0, "", false
	}
	return n, s[i+1:], true
}

// validIdentifiers checks a dotted list of identifiers. Numeric ones have no leading zeros, but in build metadata.
func validIdentifiers(s string, leadingZeros bool) bool {
	for {
		id, rest, more := strings.Cut(s, ".")
		numeric := true
		for _, c := range []byte(id) {
			if !isDigit(c) {
				numeric = false
				if c != '-' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
					return false
				}
			}
		}
		if id == "" || numeric && !leadingZeros && len(id) > 1 && id[0] == '0' {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// appendSemVerKey appends the key of a text that is ordered as a version.
func appendSemVerKey(dst []byte, text string) []byte {
	v, ok := parseVersion(text)
	switch {
	case !ok:
		return append(dst, classUnparsable)
	case v.prerelease != "":
		return v.appendRank(append(dst, classPrerelease))
	default:
		return v.appendRank(append(dst, classRelease))
	}
}

// appendRank appends the version's encoding. No encoding is a prefix of another one.
func (v version) appendRank(dst []byte) []byte {
	dst = appendNumber(appendNumber(appendNumber(dst, v.major), v.minor), v.patch)
	if v.prerelease == "" {
		return append(dst, markRelease)
	}
	dst = append(dst, markPrerelease)
	for more, rest := true, v.prerelease; more; {
		var id string
		id, rest, more = strings.Cut(rest, ".")
		dst = appendIdentifier(dst, id)
	}
	return append(dst, markEnd)
}

// appendIdentifier appends one identifier of a pre-release. A number beyond 64 bits counts as a name, as Masterminds has
// it: ranges are its notation, and follow its order.
func appendIdentifier(dst []byte, id string) []byte {
	if isDigit(id[0]) {
		if n, err := strconv.ParseUint(id, 10, 64); err == nil {
			return appendNumber(append(dst, markNumber), n)
		}
	}
	dst = append(append(dst, markName), id...)
	return append(dst, 0) // below every character of a name: a shorter name is below a longer one
}

// appendNumber appends the count of the number's bytes, then these, the highest first.
func appendNumber(dst []byte, n uint64) []byte {
	size := byte(0)
	for rest := n; rest > 0; rest >>= 8 {
		size++
	}
	dst = append(dst, size)
	for i := int(size) - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i))) //nolint:gosec // the byte at that place is what is wanted
	}
	return dst
}

// appendNext appends the successor of n. That of the largest is above every number, as nothing has nine bytes.
func appendNext(dst []byte, n uint64) []byte {
	if n == math.MaxUint64 {
		return append(dst, 9)
	}
	return appendNumber(dst, n+1)
}
