// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"strings"
)

// What callers tell apart, with errors.Is. The sentence of the returned error says what to do.
var (
	// ErrURL: the URL cannot be used (scheme, host or path). No retry helps.
	ErrURL = errors.New("the repository's URL cannot be used")
	// ErrCredential: the credential is incomplete or cannot be read. No retry helps until it is changed.
	ErrCredential = errors.New("the credential cannot be used")
	// ErrProxy: the proxy cannot be used (scheme, host, or an ssh URL). No retry helps.
	ErrProxy = errors.New("the proxy cannot be used")
	// ErrUnreachable: no connection, or it broke. Retry later.
	ErrUnreachable = errors.New("the Git server cannot be reached")
	// ErrHostKey: the SSH server's key is not the one in known_hosts. No retry helps.
	ErrHostKey = errors.New("the SSH server's host key is not in known_hosts")
	// ErrAuthentication: the server refused the credential, or wants one. No retry helps until it is changed.
	ErrAuthentication = errors.New("the Git server refused the credential")
	// ErrForbidden: the credential is known but may not do this.
	ErrForbidden = errors.New("the Git server does not allow this")
	// ErrRepositoryNotFound: no such repository, or none that the credential may see.
	ErrRepositoryNotFound = errors.New("repository not found")
	// ErrEmptyRepository: the repository has no commit.
	ErrEmptyRepository = errors.New("the repository is empty")
	// ErrBranchNotFound: no such branch.
	ErrBranchNotFound = errors.New("branch not found")
	// ErrRefNotFound: no such tag, reference or commit, or no tag in the semver range.
	ErrRefNotFound = errors.New("reference not found")
	// ErrRef: the reference asked for is malformed.
	ErrRef = errors.New("invalid reference")
	// ErrServer: the server answered with an error of its own (5xx). Retry later.
	ErrServer = errors.New("the Git server failed")
	// ErrProtocol: the answer is not Git's (a login page, a proxy's error).
	ErrProtocol = errors.New("the server's answer is not Git's")
	// ErrTooLarge: a limit was reached; the sentence names it.
	ErrTooLarge = errors.New("too large")
	// ErrPath: a path leaves the repository or does not exist in the commit.
	ErrPath = errors.New("path not found in the repository")
	// ErrNoChange: the commit would not change the tree.
	ErrNoChange = errors.New("nothing to commit")
	// ErrStale: somebody else has moved the reference. Fetch, apply again, push again.
	ErrStale = errors.New("the branch has moved on the remote")
	// ErrRefused: the server said no (a hook, a protected branch); its own words are in the sentence.
	ErrRefused = errors.New("the Git server refused the push")
	// ErrOutcomeUnknown: the connection broke after the push had been sent. Ask RemoteHas.
	ErrOutcomeUnknown = errors.New("the outcome of the push is not known")
	// ErrCacheDamaged: the cache could not be read. Fetch again: that rebuilds it.
	ErrCacheDamaged = errors.New("the repository's cache is damaged")
	// ErrCache: the cache's folder cannot be written (permissions, disk full). Retry when that is mended.
	ErrCache = errors.New("the cache cannot be written")
	// ErrCacheInUse: another process, or another Repo of this one, has the cache open.
	ErrCacheInUse = errors.New("the repository's cache is in use")
)

// advice is what to do about an error of a kind.
func advice(kind error) string {
	switch {
	case errors.Is(kind, ErrUnreachable):
		return "check the URL, the network and that the server runs; it is tried again"
	case errors.Is(kind, ErrHostKey):
		return "put the server's host key into known_hosts of the secret, after checking that it is the server's"
	case errors.Is(kind, ErrAuthentication):
		return "check the secret that secretRef names"
	case errors.Is(kind, ErrForbidden):
		return "give the credential write access to the repository, or read access if it was only read"
	case errors.Is(kind, ErrRepositoryNotFound):
		return "check the URL, and that the credential may see the repository"
	case errors.Is(kind, ErrEmptyRepository):
		return "push a first commit to it"
	case errors.Is(kind, ErrBranchNotFound):
		return "create the branch or correct ref.branch"
	case errors.Is(kind, ErrRefNotFound):
		return "correct ref"
	case errors.Is(kind, ErrServer):
		return "look at the server's log; it is tried again"
	case errors.Is(kind, ErrProtocol):
		return "check that the URL is a Git repository's and not a web page's"
	case errors.Is(kind, ErrStale):
		return "fetch and apply again"
	case errors.Is(kind, ErrRefused):
		return "see what the server's hook or branch protection asks for"
	case errors.Is(kind, ErrOutcomeUnknown):
		return "the remote is asked whether it has the commit"
	case errors.Is(kind, ErrCache):
		return "check the data folder's space and permissions"
	case errors.Is(kind, ErrCacheDamaged):
		return "it is fetched anew"
	default:
		return ""
	}
}

// maxDetail bounds what a server says into our errors, in bytes.
const maxDetail = 600

// Error is what every operation of a Repo returns: one of the sentinels above with its sentence. It never
// holds a credential.
type Error struct {
	Op     string // "fetch", "push", "open", "commit", "walk"
	URL    string // without user and password
	Kind   error  // a sentinel of this package
	Detail string // what exactly, one line; may be empty
	cause  error  // a context's error or nil: nothing else is passed on
}

// Error is one line: operation, URL, kind, detail, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + " " + e.URL + ": " + e.Kind.Error())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if do := advice(e.Kind); do != "" {
		b.WriteString("; " + do)
	}
	return b.String()
}

// Unwrap gives the kind, and the context's error where one ended the operation.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}

// fail makes an Error of the Repo's remote. The detail is scrubbed, put on one line and bounded.
func (r *Repo) fail(op string, kind error, detail string, cause error) error {
	return newError(op, r.remote, kind, detail, cause)
}

func newError(op string, remote Remote, kind error, detail string, cause error) error {
	e := &Error{Op: op, URL: Redact(remote.URL), Kind: kind, Detail: oneLine(remote.scrub(detail))}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(cause, ended) {
			e.cause = ended
		}
	}
	return e
}

// oneLine makes a server's text fit into a sentence: control characters gone, lines joined, length bounded.
func oneLine(text string) string {
	if len(text) > 4*maxDetail {
		text = text[:4*maxDetail]
	}
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}
