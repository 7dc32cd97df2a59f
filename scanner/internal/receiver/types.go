// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// protocolOf finds a type's protocol.
func protocolOf(t scannerv1.ReceiverType) (protocol, bool) {
	switch t {
	case scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC:
		return generic(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_HMAC:
		return genericHMAC(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_GITHUB:
		return github(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_GITLAB:
		return gitlab(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_BITBUCKET:
		return bitbucket(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_HARBOR:
		return harbor(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_DOCKERHUB:
		return dockerHub(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_QUAY:
		return quay(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_GCR:
		return gcr(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_NEXUS:
		return nexus(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_ACR:
		return acr(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_CDEVENTS:
		return cdEvents(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC:
		return genericOIDC(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_DISTRIBUTION:
		return distribution(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_GHCR:
		return ghcr(), true
	case scannerv1.ReceiverType_RECEIVER_TYPE_UNSPECIFIED:
	}
	return protocol{}, false
}
