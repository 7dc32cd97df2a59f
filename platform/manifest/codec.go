// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// ErrNotAKind says that a message cannot be read or written as a manifest, as it was not given to NewCodec or lacks what
// a kind must have.
var ErrNotAKind = errors.New("no kind of manifest")

// Codec reads and writes the kinds it was made with. It is immutable and may be used from many goroutines.
type Codec struct {
	kinds  map[groupKind]*kind
	byName map[protoreflect.FullName]*kind
	sorted []*kind
}

type groupKind struct{ group, kind string }

// kind is one message that is written as a manifest.
type kind struct {
	groupKind
	versions       []string
	message        protoreflect.MessageType
	metadata, spec protoreflect.FieldDescriptor
}

// apiVersion is the version that is written.
func (k *kind) apiVersion() string { return k.group + "/" + k.versions[len(k.versions)-1] }

// NewCodec makes a codec for the kinds of the given messages, of which only the type counts (a nil pointer will do). Each
// needs the option manifest_kind with kind, group and at least one version, a field `metadata` of type ObjectMeta and a
// message field `spec`; whatever else it has is output only. Errors: ErrNotAKind, also for a type of field that has no
// spelling in a manifest.
func NewCodec(messages ...proto.Message) (*Codec, error) {
	c := &Codec{kinds: map[groupKind]*kind{}, byName: map[protoreflect.FullName]*kind{}}
	for _, m := range messages {
		k, err := newKind(m.ProtoReflect())
		if err != nil {
			return nil, err
		}
		if c.kinds[k.groupKind] != nil {
			return nil, fmt.Errorf("%w: %s of %s was given twice", ErrNotAKind, k.kind, k.group)
		}
		c.kinds[k.groupKind] = k
		c.byName[k.message.Descriptor().FullName()] = k
		c.sorted = append(c.sorted, k)
	}
	slices.SortFunc(c.sorted, func(a, b *kind) int { return strings.Compare(a.kind, b.kind) })
	return c, nil
}

func newKind(m protoreflect.Message) (*kind, error) {
	desc := m.Descriptor()
	option := kindOption(desc)
	if option.GetKind() == "" || option.GetGroup() == "" || len(option.GetVersions()) == 0 {
		return nil, fmt.Errorf("%w: %s has no complete option manifest_kind", ErrNotAKind, desc.FullName())
	}
	k := &kind{
		groupKind: groupKind{group: option.GetGroup(), kind: option.GetKind()},
		versions:  option.GetVersions(),
		message:   m.Type(),
		metadata:  desc.Fields().ByName("metadata"),
		spec:      desc.Fields().ByName("spec"),
	}
	meta := (*metav1.ObjectMeta)(nil).ProtoReflect().Descriptor().FullName()
	if k.metadata == nil || k.metadata.Message() == nil || k.metadata.Message().FullName() != meta {
		return nil, fmt.Errorf("%w: %s has no field metadata of type %s", ErrNotAKind, desc.FullName(), meta)
	}
	if k.spec == nil || k.spec.Message() == nil || k.spec.IsList() || k.spec.IsMap() {
		return nil, fmt.Errorf("%w: %s has no message in a field spec", ErrNotAKind, desc.FullName())
	}
	if err := checkSpellable(desc, map[protoreflect.FullName]bool{}); err != nil {
		return nil, err
	}
	return k, nil
}

// checkSpellable walks all messages that desc can hold and refuses those that have no form in a manifest.
func checkSpellable(desc protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) error {
	if seen[desc.FullName()] || desc.FullName() == durationName || desc.FullName() == timestampName {
		return nil
	}
	seen[desc.FullName()] = true
	if desc.ParentFile().Package() == "google.protobuf" {
		return fmt.Errorf("%w: %s has no spelling in a manifest", ErrNotAKind, desc.FullName())
	}
	if isListMessage(desc) && (desc.Fields().Len() != 1 || !desc.Fields().Get(0).IsList()) {
		return fmt.Errorf("%w: %s is a manifest_list and not one repeated field", ErrNotAKind, desc.FullName())
	}
	for i := range desc.Fields().Len() {
		fd := desc.Fields().Get(i)
		if fd.IsMap() && fd.MapKey().Kind() != protoreflect.StringKind {
			return fmt.Errorf("%w: %s has keys that are no strings", ErrNotAKind, fd.FullName())
		}
		if fd.Message() == nil {
			continue
		}
		next := fd.Message()
		if fd.IsMap() {
			if next = fd.MapValue().Message(); next == nil {
				continue
			}
		}
		if err := checkSpellable(next, seen); err != nil {
			return err
		}
	}
	return nil
}

// kindOf finds the kind of a message, for writing.
func (c *Codec) kindOf(m protoreflect.Message) (*kind, error) {
	if k := c.byName[m.Descriptor().FullName()]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotAKind, m.Descriptor().FullName())
}
