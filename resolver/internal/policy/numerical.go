// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"math"
	"strings"
)

// The first byte of a number's rank.
const (
	signNegative byte = 1
	signZero     byte = 2
	signPositive byte = 3
)

// decimal is an exact decimal number of any length. Zero is the empty one: it has no digits and no sign.
type decimal struct {
	negative bool
	integer  string // without leading zeros
	fraction string // without trailing zeros
}

// parseDecimal reads an optional sign and digits, with a dot among, before or after them. There are no exponents, no hex, no
// infinities: nothing that a person would not read as a number.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	integer, fraction, _ := strings.Cut(s, ".")
	if !onlyDigits(integer) || !onlyDigits(fraction) || integer == "" && fraction == "" {
		return decimal{}, false
	}
	d.integer = strings.TrimLeft(integer, "0")
	d.fraction = strings.TrimRight(fraction, "0")
	if d.integer == "" && d.fraction == "" {
		d.negative = false
	}
	return d, uint64(len(d.integer)) <= math.MaxUint32
}

func onlyDigits(s string) bool {
	for _, c := range []byte(s) {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// appendNumberKey appends the key of a text that is ordered as a decimal number.
func appendNumberKey(dst []byte, text string) []byte {
	d, ok := parseDecimal(text)
	if !ok {
		return append(dst, classUnparsable)
	}
	return d.appendRank(append(dst, classOrdered))
}

// appendRank appends sign, count of integer digits, integer digits, fraction digits: more digits are a larger number, then
// the first digit that differs decides. Of a negative number all is inverted, the end of the fraction too.
func (d decimal) appendRank(dst []byte) []byte {
	switch {
	case d.integer == "" && d.fraction == "":
		return append(dst, signZero)
	case !d.negative:
		return d.appendMagnitude(append(dst, signPositive))
	default:
		from := len(dst) + 1
		dst = append(d.appendMagnitude(append(dst, signNegative)), 0)
		for i := from; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
		return dst
	}
}

func (d decimal) appendMagnitude(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(d.integer))) //nolint:gosec // parseDecimal has checked it
	return append(append(dst, d.integer...), d.fraction...)
}
