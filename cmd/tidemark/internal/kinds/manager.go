// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package kinds

import "strings"

// Ways are how objects come to be stored. Who manages one, its `metadata.managed_by`, is the way, a colon, and by whom or
// from where: `apply:alice@laptop`, `manifests:/etc/tidemark`.
const (
	WayApply  = "apply"
	WayCreate = "create"
	// WayManifests is the way of a followed folder or Git repository, which makes the object again as its files say.
	WayManifests = "manifests"
)

// Manager is who manages an object that came by a way from somebody.
func Manager(way, from string) string { return way + ":" + from }

// ManagedBy says whether an object came by a way; nil came by none.
func ManagedBy(o Object, way string) bool {
	if o == nil {
		return false
	}
	is, _, _ := strings.Cut(o.GetMetadata().GetManagedBy(), ":")
	return is == way
}
