// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package suggestion

import "testing"

func TestNearMissesAloneAreSuggested(t *testing.T) {
	verbs := []string{"up", "get", "set", "create", "reconcile", "suspend", "resume", "IfNotPresent", "select-semver"}
	for word, want := range map[string]string{
		"crate":          "create",
		"craete":         "create",
		"recnocile":      "reconcile",
		"suspnd":         "suspend",
		"SUSPEND":        "suspend",
		"ifnotpresent":   "IfNotPresent",
		"if-not-present": "IfNotPresent",
		"select_semver":  "select-semver",
		"gett":           "get",
		"ls":             "", // two edits from `up`, and nobody means it
		"gu":             "",
		"destroy":        "",
		"":               "",
	} {
		if got := Nearest(word, verbs); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	for word, want := range map[string]string{"recon": "reconcile", "s": "", "su": "suspend", "x": "", "re": ""} {
		if got := Beginning(word, verbs); got != want {
			t.Errorf("Beginning(%q) = %q, want %q", word, got, want)
		}
	}
}
