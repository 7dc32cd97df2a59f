// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"crypto/sha1" //nolint:gosec // Nexus signs so; an HMAC does not need a collision-free hash
	"fmt"
)

const nexusSignature = "X-Nexus-Webhook-Signature"

// nexus signs the body with HMAC-SHA1, in bare hexadecimal.
func nexus() protocol { return protocol{prove: proveNexus, read: readNexus} }

func proveNexus(_ context.Context, r *Receiver, c Call) error {
	signature := c.Header.Get(nexusSignature)
	if signature == "" {
		return fmt.Errorf("%w: there is no header %s", ErrNotProven, nexusSignature)
	}
	return checkMAC(sha1.New, r.credential.Token, c.Body, nexusSignature, signature)
}

func readNexus(c Call) (Notice, error) {
	var payload struct {
		Action    string `json:"action"`
		Component struct {
			Format  string `json:"format"`
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"component"`
	}
	if err := decode(c.Body, &payload); err != nil {
		return Notice{}, err
	}
	notice := Notice{Event: payload.Action}
	if payload.Component.Format == "docker" && payload.Component.Name != "" {
		notice.Images = []Image{{Repository: payload.Component.Name, Tag: payload.Component.Version}}
	}
	return notice, nil
}
