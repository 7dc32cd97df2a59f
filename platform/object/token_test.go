// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"errors"
	"math"
	"testing"
)

func TestTokensSurviveTheirText(t *testing.T) {
	for _, want := range []token{{}, {cluster: math.MaxUint64, epoch: 2, filter: 3, revision: math.MaxInt64}} {
		if got, err := parseToken(want.String()); err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
}

func FuzzTokensOfOthersAreForeignOrWhole(f *testing.F) {
	f.Add("")
	f.Add(token{cluster: 1, epoch: 2, filter: 3, revision: 4}.String())
	f.Add(token{revision: -1}.String())
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseToken(text)
		if err != nil {
			if !errors.Is(err, ErrTokenForeign) {
				t.Errorf("%v", err)
			}
			return
		}
		if got.revision < 0 {
			t.Errorf("%v is no revision", got.revision)
		}
		if again, err := parseToken(got.String()); err != nil || again != got {
			t.Errorf("%q is %v, and written again %v, %v", text, got, again, err)
		}
	})
}

func FuzzPageTokensAreRefusedOrKeys(f *testing.F) {
	f.Add("", uint64(0))
	f.Add(newPageToken(7, Key{"ns", "name"}), uint64(7))
	f.Fuzz(func(t *testing.T, text string, hash uint64) {
		after, err := parsePageToken(text, hash)
		if err == nil && (after == "") != (text == "") {
			t.Errorf("%q gives %q", text, after)
		}
	})
}
