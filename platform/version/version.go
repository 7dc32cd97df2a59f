// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package version says which version of Tidemark a program is. It is no place for anything else that a build knows.
package version

import "runtime/debug"

// unknown is the version of a build that was told none.
const unknown = "unknown"

// version is set with -ldflags "-X github.com/tidemark-io/tidemark/platform/version.version=v1.2.3".
var version = unknown

// Version returns the program's version: what the build set, else the module's version or the commit that the Go
// toolchain recorded, for example `v1.2.3` or `1f3a9c2d1c0e-dirty`, else `unknown`. It is never empty.
func Version() string {
	if version != unknown && version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return recorded(info)
}

// recorded reads a version from what the toolchain recorded.
func recorded(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	var commit, dirty string
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			commit = setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if commit == "" {
		return unknown
	}
	// Twelve digits are what Go's pseudo-versions show of a commit.
	return commit[:min(len(commit), 12)] + dirty
}
