// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrLimited says that the host asked for a pause, or that its window is used up.
	ErrLimited = errors.New("the host asked for a pause")
	// ErrDown says that the host does not work at present.
	ErrDown = errors.New("the host is down")
)

// PauseError is why a request is not sent now.
type PauseError struct {
	// Host is who is left alone.
	Host string
	// Until is when to try again.
	Until time.Time
	// Reason is what the host said last, in a few words.
	Reason string
	// Kind is ErrLimited or ErrDown.
	Kind error
}

func (p *PauseError) Error() string {
	until := p.Until.UTC().Truncate(time.Second).Format(time.RFC3339)
	if errors.Is(p.Kind, ErrDown) {
		return fmt.Sprintf("registry %s is down (%s); it is tried again at %s", p.Host, p.Reason, until)
	}
	return fmt.Sprintf("registry %s asked for a pause until %s (%s)", p.Host, until, p.Reason)
}

// Unwrap gives the kind.
func (p *PauseError) Unwrap() error { return p.Kind }
