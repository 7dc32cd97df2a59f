// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

// genericHMAC is anybody who signs the body with the token: `X-Signature: sha256=<hex>`.
func genericHMAC() protocol { return protocol{prove: signed("X-Signature"), read: nameless("")} }
