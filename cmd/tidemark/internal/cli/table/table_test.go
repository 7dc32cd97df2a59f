// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"errors"
	"strings"
	"testing"
)

func TestTableLayout(t *testing.T) {
	header := []string{"NAME", "READY", "MESSAGE"}
	for name, test := range map[string]struct {
		noHeader bool
		batches  [][][]string
		want     string
	}{
		"columns are padded, the last is not": {
			batches: [][][]string{{{"web", "True", "fine"}, {"billing", "Unknown", "a longer message"}}},
			want:    "NAME   \tREADY  \tMESSAGE\nweb    \tTrue   \tfine\nbilling\tUnknown\ta longer message\n",
		},
		"no header": {
			noHeader: true,
			batches:  [][][]string{{{"a", "True", "fine"}}},
			want:     "a\tTrue\tfine\n",
		},
		"later rows keep the columns": {
			batches: [][][]string{{{"billing", "True", "fine"}}, {{"web", "False", "bad"}}},
			want:    "NAME   \tREADY\tMESSAGE\nbilling\tTrue \tfine\nweb    \tFalse\tbad\n",
		},
		"a header alone": {
			batches: [][][]string{nil},
			want:    "NAME\tREADY\tMESSAGE\n",
		},
		"cells stay on their line": {
			batches: [][][]string{{{"web", "True", "one\ntwo\tthree\x1b[0m"}}},
			want:    "NAME\tREADY\tMESSAGE\nweb \tTrue \tone two three�[0m\n",
		},
		"characters count, not bytes": {
			batches: [][][]string{{{"é", "True", "x"}}},
			want:    "NAME\tREADY\tMESSAGE\né   \tTrue \tx\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			table := New(&out, header, test.noHeader)
			for _, rows := range test.batches {
				if err := table.Write(rows); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != test.want {
				t.Errorf("wrote %q\nwant  %q", out.String(), test.want)
			}
		})
	}
}

func TestWriteErrorIsReturned(t *testing.T) {
	if err := New(closed{}, []string{"NAME"}, false).Write(nil); !errors.Is(err, errClosed) {
		t.Errorf("error is %v, want %v", err, errClosed)
	}
}

var errClosed = errors.New("closed")

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errClosed }
