// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package cli_test

import "testing"

func TestOnceRefusesWhatMakesNoSense(t *testing.T) {
	for want, args := range map[string][]string{
		"✗ --manifests is required: a folder, or a file, of manifests\n": nil,
		"✗ --timeout must be a time to come\n":                           {"--manifests", ".", "--timeout", "0s"},
		"✗ -o wide: the output is json or yaml\n":                        {"--manifests", ".", "-o", "wide"},
	} {
		tidemark(t, "", append([]string{"once"}, args...)...).wants(t, terminal{err: want, code: 1})
	}
	t.Chdir(t.TempDir())
	tidemark(t, "", "once", "--manifests", ".", "-o", "json").wants(t, terminal{
		out: "{\n    \"repositories\": [],\n    \"policies\": [],\n    \"automations\": []\n}\n",
		err: "✗ nothing to do: no manifest of ours in what --manifests names\n", code: 1,
	})
}
