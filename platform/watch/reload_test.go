// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"strings"
	"testing"

	"github.com/tidemark-io/tidemark/platform/store/storetest"
)

func TestReloadTakesDifferencesForChanges(t *testing.T) {
	st := storetest.Open(t)
	put := func(key, value string) {
		if _, err := st.Client().Put(t.Context(), "/w/"+key, value); err != nil {
			t.Fatal(err)
		}
	}
	c := New(Config[string, string]{
		Client:  st.Client(),
		Prefix:  "/w/",
		Group:   func(key string) (string, bool) { return key, true },
		Compose: func(key string, members map[string]KV) (string, bool) { return string(members[key].Value), true },
	})
	put("same", "1")
	put("changed", "1")
	put("deleted", "1")
	before, err := c.reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Nobody follows: these are what a watch misses that was compacted away.
	put("changed", "2")
	put("new", "1")
	if _, err := st.Client().Delete(t.Context(), "/w/deleted"); err != nil {
		t.Fatal(err)
	}
	after, err := c.reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	changes, err := c.Since(before)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, item := range changes.Items {
		got[item.ID] = item.Value
	}
	if len(got) != 3 || got["changed"] != "2" || got["new"] != "1" || got["deleted"] != "" || changes.Revision != after {
		t.Errorf("got %v at %d", got, changes.Revision)
	}
	c.current = after + 100
	if _, err := c.reload(t.Context()); err == nil || !strings.Contains(err.Error(), ErrRewound.Error()) {
		t.Errorf("a store that went back: %v", err)
	}
}
