// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package cloud fetches the credentials that Amazon's, Microsoft's and Google's container registries take, with the identity
// that this process has there: each through the provider's own SDK, which looks at the environment, the machine's metadata
// service and workload identities as it does everywhere. A provider gives a credential for its own registries and for no
// other host.
//
// Nothing is initialised before the first registry asks for its provider. What was fetched is kept in memory until shortly
// before it expires; nothing is stored. Docker configs are package registry's business.
package cloud
