// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"
	"net/http"
	"time"
)

// idleTime is how long a session, or the connections of a repository's own
// certificates and proxy, are kept that nobody uses: those of a credential that
// was changed are not used again.
const idleTime = 2 * time.Hour

// session is what signing in to a registry for one repository has led to. The
// library behind it renews its token when the registry says that it is over.
type session struct {
	client *http.Client
}

// sessionKey keeps apart what must not share a token or a connection.
type sessionKey struct {
	name       CanonicalName
	insecure   bool
	credential [sha256.Size]byte
	network    [sha256.Size]byte
}
