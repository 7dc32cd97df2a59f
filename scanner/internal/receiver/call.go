// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package receiver

import (
	"context"
	"errors"
	"net/http"
)

// MaxBody is the size of the largest payload taken, in bytes.
const MaxBody = 3 << 20

// What is wrong with a call. All are the caller's doing.
var (
	// ErrNotProven says that the call lacks the proof that its type asks for, or has a wrong one.
	ErrNotProven = errors.New("the call does not prove who makes it")
	// ErrPayload says that the payload is not what callers of the type send.
	ErrPayload = errors.New("the payload cannot be read")
	// ErrEvent says that the event is none of those that the receiver wants.
	ErrEvent = errors.New("the event is none of those wanted")
	// ErrUnverifiable says that the proof could not be checked now, as an issuer's keys cannot be had: try again.
	ErrUnverifiable = errors.New("the proof cannot be checked now")
)

// Call is one request to a receiver's path.
type Call struct {
	Header http.Header
	// Body is the payload as it came, which signatures are made over.
	Body []byte
}

// Credential is what a receiver's secret holds.
type Credential struct {
	// Token proves most callers, and is part of the path.
	Token []byte
	// Email and Audience are what Google's token must be of and for (type gcr). Empty: any.
	Email, Audience string
}

// Notice is what a believed call says.
type Notice struct {
	// Event is the event's name in the caller's words; empty where the type has none.
	Event string
	// Images are those that the payload names, bounded by its size; empty: it names none.
	Images []Image
	// Idle says that the call tells of nothing that could change a tag: a pull, a ping.
	Idle bool
	// Payload is what filters see as `req`, as JSON. Empty: the body.
	Payload []byte
}

// Image is one image that a payload names. Each part may be empty.
type Image struct {
	// Repository is the name, with the registry's host where the payload tells it.
	Repository string
	Tag        string
}

// protocol is one type.
type protocol struct {
	// prove returns nil if the call proves itself; else ErrNotProven or ErrUnverifiable, with the cause.
	prove func(ctx context.Context, r *Receiver, c Call) error
	// read says what the call tells. The errors are ErrPayload.
	read func(c Call) (Notice, error)
	// events says whether spec.events has an effect.
	events bool
	// partial, where it is set, takes read's place for calls that tell of several events: it leaves out those that are not
	// wanted (none: all are), and a call without any that is wanted is idle.
	partial func(c Call, wanted []string) (Notice, error)
}
