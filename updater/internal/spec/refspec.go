// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package spec

import "strings"

// FieldRefspec is the field of the second push.
const FieldRefspec = "git.push.refspec"

// SecondPush is a refspec: the commit that was pushed goes to a second reference as well.
type SecondPush struct {
	// Branch is the branch whose commit is meant; empty: HEAD, the one that was pushed, whichever that is.
	Branch string
	// To is the full name of the reference.
	To string
}

// refspec reads <source>:<destination>. Empty text is none.
func (c *checks) refspec(text string) *SecondPush {
	if text == "" {
		return nil
	}
	source, to, found := strings.Cut(text, ":")
	branch := strings.TrimPrefix(source, "refs/heads/")
	switch {
	case strings.HasPrefix(text, "+"):
		c.add(FieldRefspec, "%q forces, and nobody's commits are ever pushed over; take the + away", text)
	case !found:
		c.add(FieldRefspec, "%q names no destination; say <source>:<destination>, for example refs/heads/main:refs/for/main", text)
	case source == "":
		c.add(FieldRefspec, "%q would delete a reference, which is never done", text)
	case strings.Contains(text, "*"):
		c.add(FieldRefspec, "%q is a pattern; name one source and one destination", text)
	case source != "HEAD" && !validRefName("refs/heads/"+branch):
		c.add(FieldRefspec, "the source %q is neither HEAD nor a branch", source)
	case !strings.HasPrefix(to, "refs/") || !validRefName(to):
		c.add(FieldRefspec, "the destination %q is no full reference name; those begin with refs/, for example refs/for/main", to)
	case source == "HEAD":
		return &SecondPush{To: to}
	default:
		return &SecondPush{Branch: branch, To: to}
	}
	return nil
}
