// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
)

func TestAChangedSecretIsToldOnceWhoeverReadsItFirst(t *testing.T) {
	pool, memory := poolWith(t, map[string]secret.Secret{"shared": keys("bearerToken", "1"), "proxy": keys("address", "http://h:1"), "unused": keys("bearerToken", "1")})
	open := func(r *updaterv1.GitRepository) {
		t.Helper()
		if _, release, err := pool.Open(t.Context(), r); err == nil {
			release()
		} else if !errors.Is(err, ErrSecret) {
			t.Error(err)
		}
	}
	set := func(name, value string) {
		t.Helper()
		key := "bearerToken"
		if name == "proxy" {
			key = "address"
		}
		if err := memory.Set("apps", name, keys(key, value)); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, names ...string) {
		t.Helper()
		changed, err := pool.Changed(t.Context())
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, key := range changed {
			got = append(got, key.String())
		}
		slices.Sort(got)
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	const url = "https://example.com/a"
	a, b, c := repository("a", url, "shared"), proxied(repository("b", url, "shared"), "proxy"), repository("c", url, "missing")
	for _, r := range []*updaterv1.GitRepository{a, b, c, repository("anonymous", url, "")} {
		open(r)
	}
	expect("nothing happened")
	set("shared", "2")
	open(a) // reads it before anybody told
	expect("a secret of two changed", "apps/a", "apps/b")
	expect("it was told")
	set("proxy", "http://h:2")
	set("unused", "2")
	expect("a proxy's secret changed", "apps/b")
	open(c)
	set("missing", "1")
	expect("a missing one came", "apps/c")
	memory.Delete("apps", "missing")
	expect("it went", "apps/c")

	old := repository("c", url, "missing")
	c.Metadata.Generation, c.Spec.SecretRef.Name = 2, "unused"
	open(c)
	open(old) // a run that was slow
	set("missing", "1")
	expect("what the new spec does not refer to")
	set("unused", "3")
	expect("what the new spec refers to", "apps/c")
	for _, key := range []string{"a", "b"} {
		a.Metadata.Name = key
		pool.Forget(object.KeyOfMeta(a.GetMetadata()))
	}
	set("shared", "3")
	expect("they are gone")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.Changed(ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
