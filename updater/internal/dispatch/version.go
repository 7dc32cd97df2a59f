// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package dispatch

import (
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// version is what of an object makes a run.
type version struct {
	uid        string
	generation int64
	suspended  bool
	// released is when an operator said last that undone commits hold nothing any longer, in nanoseconds.
	released int64
}

func versionOf(a *updaterv1.ImageUpdateAutomation) version {
	v := version{uid: a.GetMetadata().GetUid(), generation: a.GetMetadata().GetGeneration(), suspended: state.AutomationSuspended(a)}
	if release := a.GetOverride().GetRevertRelease(); release != nil {
		v.released = release.GetTime().AsTime().UnixNano()
	}
	return v
}

// sourceVersion is what of a source makes a run, and which branch its HEAD is.
type sourceVersion struct {
	version
	head string
}

func versionOfSource(r *updaterv1.GitRepository) sourceVersion {
	return sourceVersion{
		version: version{
			uid: r.GetMetadata().GetUid(), generation: r.GetMetadata().GetGeneration(), suspended: state.RepositorySuspended(r),
		},
		head: headOf(r),
	}
}
