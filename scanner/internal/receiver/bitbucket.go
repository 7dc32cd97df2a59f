// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

// bitbucket (Server and Data Center) signs as GitHub does. Its events are of code; none names an image.
func bitbucket() protocol {
	return protocol{prove: signed(githubSignature, githubSignatureSHA1), read: nameless("X-Event-Key"), events: true}
}
