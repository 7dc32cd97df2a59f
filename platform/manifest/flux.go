// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation"
)

// ErrOwnKind says that Flux has no such kind, so that an object of it is not written for Flux.
var ErrOwnKind = errors.New("a kind of Tidemark's own, which Flux does not have")

// maxAnnotations is how many bytes of annotations Kubernetes takes, keys and values together.
const maxAnnotations = 256 << 10

// fluxGroups is what the groups of Flux's kinds end with.
const fluxGroups = ".toolkit.fluxcd.io"

// ForFlux writes what Flux's custom resources take, with or without WithStatus never the status. What is Tidemark's own is
// left out, and warn is called for it, in the order of the fields: Path as the manifest spells it, Sentence, Kind, Namespace
// and Name are set. It is called for a field that Flux demands and the object lacks as well. What only Flux's schema is
// narrower in (how a duration is spelled, an empty field that must be there) is mended without a word. A nil warn is fine.
// Errors: ErrOwnKind.
func ForFlux(warn func(*Warning)) EncodeOption {
	return func(e *encoder) { e.flux = &fluxForm{warn: warn} }
}

// fluxForm is how one object is written for Flux, and what is to be said of it.
type fluxForm struct {
	warn     func(*Warning)
	warnings []*Warning
}

func (f *fluxForm) warnf(path, format string, args ...any) {
	f.warnings = append(f.warnings, &Warning{Path: path, Sentence: fmt.Sprintf(format, args...)})
}

// tree is the object as nested maps, slices and scalars.
func (f *fluxForm) tree(e *encoder, k *kind, m protoreflect.Message) (map[string]any, error) {
	if !strings.HasSuffix(k.group, fluxGroups) {
		return nil, fmt.Errorf("write %s for Flux: %w", k.kind, ErrOwnKind)
	}
	f.warnings = nil
	meta := m.Get(k.metadata).Message()
	metadata := f.metadata(meta)
	spec, err := e.message(k.spec, m.Get(k.spec).Message(), k.spec.JSONName())
	if err != nil {
		return nil, fmt.Errorf("write %s as a manifest: %s: %w", k.kind, k.spec.JSONName(), err)
	}
	f.tell(k, meta)
	return map[string]any{
		"apiVersion": k.apiVersion(), "kind": k.kind, k.metadata.JSONName(): metadata, k.spec.JSONName(): spec,
	}, nil
}

// metadata are the fields that a person writes, without the labels and annotations that Kubernetes refuses.
func (f *fluxForm) metadata(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	for _, name := range writtenMetadata {
		fd := m.Descriptor().Fields().ByJSONName(name)
		switch {
		case !m.Has(fd):
		case fd.IsMap():
			if texts := f.notes(m.Get(fd).Map(), name); len(texts) > 0 {
				out[name] = texts
			}
		default:
			out[name] = m.Get(fd).String()
		}
	}
	return out
}

// notes are the labels or annotations that Kubernetes takes.
func (f *fluxForm) notes(texts protoreflect.Map, field string) map[string]any {
	out, size := map[string]any{}, 0
	texts.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		key, value := k.String(), v.String()
		size += len(key) + len(value)
		path := joinKey(join("metadata", field), key)
		switch {
		case len(validation.IsQualifiedName(strings.ToLower(key))) > 0 || (field == "labels" && len(validation.IsQualifiedName(key)) > 0):
			f.warnf(path, "left out, as Kubernetes takes no such key: it is `name` or `domain/name`, the name of letters, digits, `-`, `_` and `.`")
		case field == "labels" && len(validation.IsValidLabelValue(value)) > 0:
			f.warnf(path, "left out, as Kubernetes takes no such value: a label's is made of letters, digits, `-`, `_` and `.`")
		default:
			out[key] = value
		}
		return true
	})
	if field == "annotations" && size > maxAnnotations {
		f.warnf(join("metadata", field), "left out, as Kubernetes takes annotations of %d bytes at most", maxAnnotations)
		return nil
	}
	slices.SortFunc(f.warnings, func(a, b *Warning) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// tell hands out what is to be said, with the object's name on it.
func (f *fluxForm) tell(k *kind, meta protoreflect.Message) {
	for _, w := range f.warnings {
		w.Kind = k.kind
		w.Namespace = meta.Get(meta.Descriptor().Fields().ByName("namespace")).String()
		w.Name = meta.Get(meta.Descriptor().Fields().ByName("name")).String()
		if f.warn != nil {
			f.warn(w)
		}
	}
}

// fields hands out the fields of a message that Flux has: those that are set, and those that it demands.
func (f *fluxForm) fields(e *encoder, m protoreflect.Message, path string, yield func(protoreflect.FieldDescriptor, any)) error {
	refused := f.refusedBeside(m)
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		at, option := join(path, fd.JSONName()), fluxField(fd)
		switch {
		case !m.Has(fd) && !option.GetRequired():
			continue
		case m.Has(fd) && option.GetOwn() != "":
			f.warnf(at, "left out, as Flux has no such field: %s", option.GetOwn())
			continue
		case m.Has(fd) && refused[fd.JSONName()] != "":
			f.warnf(at, "left out, as Flux refuses it %s", refused[fd.JSONName()])
			continue
		}
		said := len(f.warnings)
		value, err := e.field(fd, m.Get(fd), at)
		if err != nil {
			return fmt.Errorf("%s: %w", fd.JSONName(), err)
		}
		if isEmpty(value) && option.GetEmptyNote() != "" && len(f.warnings) == said {
			f.warnf(at, "empty: %s", option.GetEmptyNote())
		}
		yield(fd, value)
	}
	return nil
}

// refusedBeside are the fields that Flux refuses beside the values of others, each with why.
func (f *fluxForm) refusedBeside(m protoreflect.Message) map[string]string {
	var out map[string]string
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if fd.Kind() != protoreflect.EnumKind || fd.IsList() || !m.Has(fd) {
			continue
		}
		value := fd.Enum().Values().ByNumber(m.Get(fd).Enum())
		if value == nil {
			continue
		}
		for _, name := range fluxValue(value).GetWithout() {
			if out == nil {
				out = map[string]string{}
			}
			s, _ := spelling(value)
			out[name] = fmt.Sprintf("beside `%s: %s`: %s", fd.JSONName(), s, fluxValue(value).GetNote())
		}
	}
	return out
}

// takes says whether Flux's schema takes an item of a list; if not, it is left out.
func (f *fluxForm) takes(fd protoreflect.FieldDescriptor, item protoreflect.Value, path string) bool {
	if !isPlainMessage(fd) {
		return true
	}
	for i := range fd.Message().Fields().Len() {
		inner := fd.Message().Fields().Get(i)
		values := fluxField(inner).GetValues()
		if len(values) == 0 || inner.Kind() != protoreflect.StringKind || inner.IsList() {
			continue
		}
		if value := item.Message().Get(inner).String(); !slices.Contains(values, value) {
			f.warnf(path, "left out, as Flux takes no %s %s here", inner.JSONName(), ticked(value))
			return false
		}
	}
	return true
}

// spelling is the value that Flux has, or the one in its place.
func (f *fluxForm) spelling(value protoreflect.EnumValueDescriptor, spelled, path string) string {
	option := fluxValue(value)
	if option.GetInstead() == "" {
		return spelled
	}
	f.warnf(path, "written as %s, as Flux has no %s: %s", ticked(option.GetInstead()), ticked(spelled), option.GetNote())
	return option.GetInstead()
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// fluxDuration is Go's form in the units that Flux's schema takes: hours (in some fields not), minutes, seconds and
// milliseconds, with decimals.
func fluxDuration(d time.Duration, noHours bool) string {
	switch {
	case noHours && d >= time.Hour:
		return fmt.Sprintf("%dm%s", d/time.Minute, fluxDuration(d%time.Minute, true))
	case 0 < d && d < time.Millisecond:
		// At most six decimals, which a float keeps.
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64) + "ms"
	default:
		return d.String()
	}
}
