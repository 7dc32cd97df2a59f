// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package object stores the objects of a service: what the user wants (spec), what the service found (status) and an
// operator's word (override) are three keys, so that none of the three writers undoes another; readers get them
// composed to one message. It stores and watches; what a spec means is the service's business.
//
//	<prefix>/<service>/<plural>/spec/<namespace>/<name>          metadata and spec
//	<prefix>/<service>/<plural>/status/<namespace>/<name>        metadata.uid and status
//	<prefix>/<service>/<plural>/override/<namespace>/<name>      metadata.uid and override
//	<prefix>/<service>/<plural>/<attachment>/<namespace>/<name>  what the service keeps with the object; see WithAttachment
//
// The values are the kind's own message with only those fields set. A status or override whose uid is not the spec's
// is of an object that was deleted, and is not shown.
package object

import (
	"cmp"
	"strings"

	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// DefaultNamespace is the namespace of objects that name none.
const DefaultNamespace = "flux-system"

// The errors that callers tell apart; package rpcerr says how each looks on the wire.
var (
	// ErrNotFound says that there is no such object, or none with that uid.
	ErrNotFound = rpcerr.ErrNotFound
	// ErrStale says that the resource version given is not the stored one.
	ErrStale = rpcerr.ErrStale
	// ErrTokenExpired says that the store has forgotten what the resume token remembers: watch without it.
	ErrTokenExpired = rpcerr.ErrTokenExpired
	// ErrTokenForeign says that the resume token is of another store, kind or filter, or is none.
	ErrTokenForeign = rpcerr.ErrTokenForeign
	// ErrSlowConsumer says that a subscription's reader is too far behind: resume with the last token.
	ErrSlowConsumer = rpcerr.ErrSlowConsumer
	// ErrShuttingDown says that the store is closing: resume elsewhere, or later.
	ErrShuttingDown = rpcerr.ErrShuttingDown
)

// Message is an object: a pointer to a generated message with the fields metadata, spec, status and override.
type Message interface {
	proto.Message
	GetMetadata() *metav1.ObjectMeta
	GetOverride() *metav1.Override
}

// Key names an object of one kind.
type Key struct {
	Namespace, Name string
}

// KeyOf returns the key of what a request names; an empty namespace means DefaultNamespace.
func KeyOf(namespace, name string) Key {
	return Key{Namespace: cmp.Or(namespace, DefaultNamespace), Name: name}
}

// KeyOfMeta returns the key of an object's metadata.
func KeyOfMeta(meta *metav1.ObjectMeta) Key { return KeyOf(meta.GetNamespace(), meta.GetName()) }

// String returns `namespace/name`.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Compare orders keys as the store does: by the bytes of `namespace/name`.
func (k Key) Compare(other Key) int { return strings.Compare(k.String(), other.String()) }

// storable says whether the key is one path of two segments. What is not was never stored.
func (k Key) storable() bool {
	return k.Namespace != "" && k.Name != "" && !strings.Contains(k.Namespace, "/") && !strings.Contains(k.Name, "/")
}

// Kind describes one kind of objects.
type Kind[T Message] struct {
	// Plural is the segment of the kind's keys, for example `imagerepositories`.
	Plural string
	// Noun is the kind in sentences, for example `ImageRepository`.
	Noun string
	// New makes an empty object.
	New func() T
}

// Attachment is what a service keeps with an object under a key of its own.
type Attachment struct {
	// Value must not be changed.
	Value []byte
	// Revision is when it was last written.
	Revision int64
}

// Filter says which objects.
type Filter struct {
	// Namespace that the objects are in. Empty: any.
	Namespace string
	// LabelSelector in Kubernetes' form, for example `app=web,tier!=test`. Empty: all.
	LabelSelector string
}
