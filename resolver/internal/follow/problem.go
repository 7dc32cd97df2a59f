// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"errors"
	"fmt"

	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// Why there are no tags to look at. The errors that wrap them are sentences for people.
var (
	// ErrPending says that the scanner has not been asked yet; the policy is told when it has answered.
	ErrPending = errors.New("the tags are being loaded")
	// ErrAbsent says that there is no such ImageRepository.
	ErrAbsent = errors.New("the image repository does not exist")
	// ErrNotScanned says that the ImageRepository has no tags yet.
	ErrNotScanned = errors.New("the image repository has not been scanned")
	// ErrDenied says that the ImageRepository does not allow the policy's namespace.
	ErrDenied = errors.New("the image repository denies access")
	// ErrUnreachable says that the scanner did not answer, or not as it should. It is asked again.
	ErrUnreachable = errors.New("the scanner did not answer")
)

// problem is a sentence of one of the kinds above.
type problem struct {
	kind     error
	sentence string
}

func (p *problem) Error() string { return p.sentence }
func (p *problem) Unwrap() error { return p.kind }

// explain turns the failure of a call about a repository into a problem. The context's end is none.
func explain(err error, repository object.Key, namespace string) error {
	err = rpcerr.FromError(err)
	switch {
	case errors.Is(err, rpcerr.ErrNotFound):
		return &problem{ErrAbsent, fmt.Sprintf(
			"referenced ImageRepository '%s' does not exist; create it, or correct the reference", repository)}
	case rpcerr.Reason(err) == reasonNotReady:
		return &problem{ErrNotScanned, fmt.Sprintf(
			"referenced ImageRepository '%s' has not been scanned yet; if this lasts, its own conditions say why", repository)}
	case rpcerr.Reason(err) == reasonDenied:
		return &problem{ErrDenied, fmt.Sprintf(
			"ImageRepository '%s' can't be accessed from namespace '%s'; allow the namespace in its spec.accessFrom", repository, namespace)}
	default:
		return &problem{ErrUnreachable, fmt.Sprintf("the scanner could not be asked for the tags of ImageRepository '%s': %s",
			repository, rpcerr.Sentence(err))}
	}
}
