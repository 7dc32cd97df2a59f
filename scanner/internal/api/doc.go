// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package api answers the scanner's RPCs: it unpacks a request, calls the domain and packs the answer. Requests have been
// checked against the rules in the .proto files before; what those cannot say is checked here. Errors become statuses
// in platform/rpcerr, but for those of package source, whose codes are chosen here.
package api
