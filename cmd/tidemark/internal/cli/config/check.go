// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"
)

// maxName bounds a context's name, in bytes.
const maxName = 253

// CheckName says whether a context may be called so: one printable word.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || strings.HasPrefix(name, "-") {
		return errors.New("a context's name is a word of 1 to 253 bytes that does not begin with `-`")
	}
	for _, r := range name {
		if r <= ' ' || r > '~' || strings.ContainsRune(`"'\`+"`", r) {
			return fmt.Errorf("a context's name is a word of printable ASCII without quotes, not %q", name)
		}
	}
	return nil
}

// check says what is wrong with a context; empty: nothing.
func (c *Context) check() string {
	if problem := c.TLS.check(); problem != "" {
		return problem
	}
	if c.Token != nil {
		return c.Token.check()
	}
	return ""
}

func (t TLS) check() string {
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		return "a client certificate and its key go together: cert-file and key-file"
	case t.Insecure && t != TLS{Insecure: true}:
		return "with insecure no TLS is spoken: leave out the rest of tls"
	default:
		return ""
	}
}

func (t *Token) check() string {
	switch {
	case t.File != "" && len(t.Command) > 0:
		return "a token comes from a file or from a command, not from both"
	case t.File == "" && (len(t.Command) == 0 || t.Command[0] == ""):
		return "a token comes from a file or from a command; neither is named"
	case t.File != "" && t.Timeout != 0:
		return "timeout bounds a command, and there is none"
	default:
		return ""
	}
}
