// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package operator says who sits at the keyboard. It is a courtesy to colleagues and no proof: that is the server's to ask.
package operator

import (
	"os"
	"os/user"
)

// Name is `user@host`, or as much of it as is known.
func Name() string {
	name := "cli"
	if me, err := user.Current(); err == nil && me.Username != "" {
		name = me.Username
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		name += "@" + host
	}
	return name
}
