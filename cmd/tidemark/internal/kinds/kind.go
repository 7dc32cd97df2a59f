// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package kinds gives the verbs one view of the kinds of objects: how each is called, and how its service is asked
// to apply, get, list, delete and watch it. What only one kind can do (scan, evaluate, run) and how a row of it looks is the
// verbs' own matter.
package kinds

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

// Object is a stored object of any kind.
type Object interface {
	proto.Message
	GetMetadata() *metav1.ObjectMeta
	GetOverride() *metav1.Override
}

// Service is the program that owns a kind. Its value is the word in flags, such as `--scanner-server`.
type Service string

// The services.
const (
	Scanner  Service = "scanner"
	Resolver Service = "resolver"
	Updater  Service = "updater"
)

// Kind is one kind of objects.
type Kind struct {
	// Noun is the manifest's kind: `ImageRepository`.
	Noun string
	// Human is what flux's messages call it: `image repository`.
	Human string
	// Resource is the prefix of names where kinds are mixed: `imagerepository`.
	Resource string
	// Service owns the kind.
	Service Service
	// Empty is an object without content, of the kind's type.
	Empty Object

	calls calls
}

// ErrNotWatched says that the service does not stream changes of the kind.
var ErrNotWatched = errors.New("changes of this kind are not told: ask without --watch")

// Filter says which objects.
type Filter struct {
	// Namespace of the objects. Empty: all.
	Namespace string
	// LabelSelector in Kubernetes' notation. Empty: all.
	LabelSelector string
}

// Event is one message of a watch: one of Changed, Deleted and Checkpoint is set.
type Event struct {
	Changed    Object
	Deleted    *metav1.ObjectDeleted
	Checkpoint bool
	// ResumeToken is where a later watch goes on. Empty: at none yet.
	ResumeToken string
}

// calls are the kind's RPCs with the types taken off.
type calls struct {
	apply   func(context.Context, grpc.ClientConnInterface, applyRequest) (Object, metav1.ApplyOutcome, error)
	get     func(context.Context, grpc.ClientConnInterface, string, string) (Object, error)
	list    func(context.Context, grpc.ClientConnInterface, Filter, string) ([]Object, string, error)
	remove  func(context.Context, grpc.ClientConnInterface, string, string) error
	suspend func(context.Context, grpc.ClientConnInterface, Word) (Object, error)
	resume  func(context.Context, grpc.ClientConnInterface, Word) (Object, error)
	// watch is nil where the service has none.
	watch func(context.Context, grpc.ClientConnInterface, Filter, string) (func() (Event, error), error)
}

type applyRequest struct {
	object  Object
	manager string
	// validateOnly: answer as if, and store nothing.
	validateOnly bool
}

// Word is what an operator says about one object.
type Word struct {
	Namespace, Name string
	// Reason is why; kept of a suspension. Empty: not said.
	Reason string
	// Actor is who says so; kept of a suspension, and of an ImageUpdateAutomation's resumption.
	Actor string
	// Force, of an ImageUpdateAutomation that is resumed, writes again what was undone in Git.
	Force bool
}

// All are the kinds, in the order in which a set of objects is best applied: what is referred to comes first.
func All() []Kind {
	return []Kind{ImageRepository(), Receiver(), ImagePolicy(), GitRepository(), ImageUpdateAutomation()}
}

// Codec reads and writes the kinds as manifests.
func Codec() (*manifest.Codec, error) {
	all := All()
	messages := make([]proto.Message, len(all))
	for i, kind := range all {
		messages[i] = kind.Empty
	}
	codec, err := manifest.NewCodec(messages...)
	if err != nil {
		return nil, fmt.Errorf("read and write manifests: %w", err)
	}
	return codec, nil
}

// Of is the kind of an object. Errors: the object is of no known kind.
func Of(object proto.Message) (Kind, error) {
	name := object.ProtoReflect().Descriptor().FullName()
	for _, kind := range All() {
		if kind.Empty.ProtoReflect().Descriptor().FullName() == name {
			return kind, nil
		}
	}
	return Kind{}, fmt.Errorf("there is no service for objects of type %s", name)
}

// Apply creates the object or replaces its labels, annotations and spec, in the name of manager, and answers with the
// object as stored and what became of it.
func (k Kind) Apply(ctx context.Context, conn grpc.ClientConnInterface, object Object, manager string) (Object, metav1.ApplyOutcome, error) {
	return k.calls.apply(ctx, conn, applyRequest{object: object, manager: manager})
}

// Validate asks what Apply would make of the object, and stores nothing.
func (k Kind) Validate(ctx context.Context, conn grpc.ClientConnInterface, object Object, manager string) (Object, metav1.ApplyOutcome, error) {
	return k.calls.apply(ctx, conn, applyRequest{object: object, manager: manager, validateOnly: true})
}

// Get returns one object. Errors: one that is rpcerr.ErrNotFound.
func (k Kind) Get(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) (Object, error) {
	return k.calls.get(ctx, conn, namespace, name)
}

// List returns all objects that match, ordered by namespace and name.
func (k Kind) List(ctx context.Context, conn grpc.ClientConnInterface, filter Filter) ([]Object, error) {
	var all []Object
	for token := ""; ; {
		page, next, err := k.calls.list(ctx, conn, filter, token)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		token = next
	}
}

// Delete deletes one object. Errors: one that is rpcerr.ErrNotFound.
func (k Kind) Delete(ctx context.Context, conn grpc.ClientConnInterface, namespace, name string) error {
	return k.calls.remove(ctx, conn, namespace, name)
}

// Suspend makes one object rest by an operator's word. Errors: one that is rpcerr.ErrNotFound.
func (k Kind) Suspend(ctx context.Context, conn grpc.ClientConnInterface, word Word) (Object, error) {
	return k.calls.suspend(ctx, conn, word)
}

// Resume takes the word back. Errors: one that is rpcerr.ErrNotFound; the object's manifest suspends it as well.
func (k Kind) Resume(ctx context.Context, conn grpc.ClientConnInterface, word Word) (Object, error) {
	return k.calls.resume(ctx, conn, word)
}

// Watch streams the objects that match: without a token a snapshot, a checkpoint, then each change; with one, each
// change since. The function returned waits for the next event.
//
// Errors: ErrNotWatched.
func (k Kind) Watch(ctx context.Context, conn grpc.ClientConnInterface, filter Filter, token string) (func() (Event, error), error) {
	if k.calls.watch == nil {
		return nil, fmt.Errorf("%s objects: %w", k.Noun, ErrNotWatched)
	}
	return k.calls.watch(ctx, conn, filter, token)
}

// objects takes the type off a list.
func objects[T Object](typed []T) []Object {
	all := make([]Object, len(typed))
	for i, object := range typed {
		all[i] = object
	}
	return all
}

// response is what the watches' messages have in common.
type response[T any] interface {
	GetChanged() T
	GetDeleted() *metav1.ObjectDeleted
	GetCheckpoint() *metav1.Checkpoint
	GetResumeToken() string
}

// object is an Object that is a pointer to T.
type object[T any] interface {
	*T
	Object
}

// events takes the type off a watch.
func events[T any, O object[T], R any, M interface {
	*R
	response[O]
}](stream grpc.ServerStreamingClient[R], err error) (func() (Event, error), error) {
	if err != nil {
		return nil, err
	}
	return func() (Event, error) {
		received, err := stream.Recv()
		if err != nil {
			return Event{}, err
		}
		msg := M(received)
		event := Event{Deleted: msg.GetDeleted(), Checkpoint: msg.GetCheckpoint() != nil, ResumeToken: msg.GetResumeToken()}
		if changed := msg.GetChanged(); changed != nil {
			event.Changed = changed
		}
		return event, nil
	}, nil
}

// as gives an object its type back.
func as[T Object](object Object) (T, error) {
	typed, ok := object.(T)
	if !ok {
		return typed, fmt.Errorf("the object is a %T, not a %T", object, typed)
	}
	return typed, nil
}
