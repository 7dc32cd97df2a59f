// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

// gitlab sends the token itself. Its events are of code; none names an image.
func gitlab() protocol {
	return protocol{prove: headerIs("X-Gitlab-Token", ""), read: nameless("X-Gitlab-Event"), events: true}
}
