// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package version

import (
	"runtime/debug"
	"testing"
)

func TestRecordedVersion(t *testing.T) {
	for name, test := range map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"a module's version":    {debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3"},
		"nothing recorded":      {debug.BuildInfo{}, "unknown"},
		"a test or go run":      {debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "unknown"},
		"a commit":              {settings("1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112", "false"), "1f3a9c2d1c0e"},
		"a commit with changes": {settings("1f3a9c2d1c0e4b5a69788796a5b4c3d2e1f00112", "true"), "1f3a9c2d1c0e-dirty"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := recorded(&test.info); got != test.want {
				t.Errorf("recorded version is %q, want %q", got, test.want)
			}
		})
	}
}

func settings(commit, modified string) debug.BuildInfo {
	return debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: commit},
		{Key: "vcs.modified", Value: modified},
	}}
}

func TestVersionIsNeverEmpty(t *testing.T) {
	if Version() == "" {
		t.Error("the version is empty")
	}
}
