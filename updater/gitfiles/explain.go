// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitfiles

import (
	"errors"
	"fmt"

	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
)

// explain gives an error the advice for an address: what a GitRepository's fields would be called is of no use here.
func explain(err error) error {
	var known *gitrepo.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("look at the Git repository: %w", err)
	}
	sentence := fmt.Sprintf("%s: %v", known.URL, known.Kind)
	// What is said of a path and of too much tells which field of an automation to correct.
	if known.Detail != "" && !errors.Is(known.Kind, gitrepo.ErrPath) && (known.Op != "walk" || !errors.Is(known.Kind, gitrepo.ErrTooLarge)) {
		sentence += ": " + known.Detail
	}
	if do := advice(known.Kind); do != "" {
		sentence += "; " + do
	}
	return &failure{sentence: sentence, cause: known}
}

// failure is an error in the words of an address.
type failure struct {
	sentence string
	cause    error
}

func (f *failure) Error() string { return f.sentence }

// Unwrap gives the engine's error.
func (f *failure) Unwrap() error { return f.cause }

func advice(kind error) string {
	for _, each := range []struct {
		kind error
		do   string
	}{
		{gitrepo.ErrUnreachable, "check the URL, the network and that the server runs"},
		{gitrepo.ErrServer, "look at the server's log"},
		{gitrepo.ErrProtocol, "check that the URL is a Git repository's and not a web page's"},
		{gitrepo.ErrHostKey, "put the server's host key into known_hosts of the secret, after checking that it is the server's"},
		{gitrepo.ErrAuthentication, "check the secret for it"},
		{gitrepo.ErrForbidden, "give the credential read access"},
		{gitrepo.ErrCredential, "correct the secret for it"},
		{gitrepo.ErrRepositoryNotFound, "check the URL, and that the credential may see the repository"},
		{gitrepo.ErrEmptyRepository, "push a first commit to it"},
		{gitrepo.ErrBranchNotFound, "correct ?ref="},
		{gitrepo.ErrRefNotFound, "correct ?ref="},
		{gitrepo.ErrRef, "correct ?ref="},
		{gitrepo.ErrPath, "correct ?path="},
		{gitrepo.ErrTooLarge, "name a smaller folder with ?path="},
		{gitrepo.ErrCache, "check the data folder's space and permissions"},
	} {
		if errors.Is(kind, each.kind) {
			return each.do
		}
	}
	return ""
}
