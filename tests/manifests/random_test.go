// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
)

// generator makes objects at random that keep the rules of the contracts, and those that the services add to them.
type generator struct{ rnd *rand.Rand }

// object is metadata and spec of one object; what a server fills in is left empty.
func (g *generator) object(typ protoreflect.MessageType) proto.Message {
	m := typ.New()
	for _, name := range []protoreflect.Name{"metadata", "spec"} {
		g.fill(m.Mutable(m.Descriptor().Fields().ByName(name)).Message(), 0)
	}
	meta := m.Mutable(m.Descriptor().Fields().ByName("metadata")).Message()
	for i := range meta.Descriptor().Fields().Len() {
		fd := meta.Descriptor().Fields().Get(i)
		switch fd.Name() {
		case "name":
			meta.Set(fd, protoreflect.ValueOfString("a"+g.dnsName()))
		case "namespace":
			meta.Set(fd, protoreflect.ValueOfString("flux-system"))
		case "labels", "annotations":
		default:
			meta.Clear(fd)
		}
	}
	g.settle(m.Interface())
	return m.Interface()
}

func (g *generator) dnsName() string {
	return string([]byte{byte('a' + g.rnd.IntN(26)), byte('0' + g.rnd.IntN(10))})
}

// settle keeps the rules that the services have beside those of the contracts.
func (g *generator) settle(m proto.Message) {
	switch m := m.(type) {
	case *resolverv1.ImagePolicy:
		always := m.GetSpec().GetDigestReflectionPolicy() == resolverv1.DigestReflectionPolicy_DIGEST_REFLECTION_POLICY_ALWAYS
		switch {
		case !always:
			m.Spec.Interval = nil
		case m.GetSpec().GetInterval() == nil:
			m.Spec.Interval = durationpb.New(time.Duration(1+g.rnd.IntN(1000)) * time.Second)
		}
	case *scannerv1.Receiver:
		if m.GetSpec().GetType() != scannerv1.ReceiverType_RECEIVER_TYPE_GENERIC_OIDC {
			m.Spec.OidcProviders = nil
			if m.GetSpec().GetSecretRef() == nil {
				m.Spec.SecretRef = &metav1.LocalObjectReference{Name: "webhook"}
			}
			return
		}
		if len(m.GetSpec().GetOidcProviders()) == 0 {
			m.Spec.OidcProviders = []*scannerv1.OidcProvider{{Audience: "a", Validations: []*scannerv1.OidcValidation{{Expression: "true", Message: "b"}}}}
		}
		for i, p := range m.GetSpec().GetOidcProviders() {
			p.IssuerUrl = "https://issuer.example.com/" + string(rune('a'+i))
		}
	}
}

// fill sets about two thirds of a message's fields, and all that are required.
func (g *generator) fill(m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		rules, _ := protovalidate.ResolveFieldRules(fd)
		if !rules.GetRequired() && !needed(rules) && (depth > 6 || g.rnd.IntN(3) == 0) {
			continue
		}
		switch {
		case fd.IsList():
			g.list(m.Mutable(fd).List(), fd, rules.GetRepeated(), depth)
		case fd.IsMap():
			limit := min(rules.GetMap().GetMaxPairs(), 3)
			for range g.rnd.Uint64N(limit + 1) {
				key := g.value(fd.MapKey(), rules.GetMap().GetKeys(), nil, depth)
				value := g.value(fd.MapValue(), rules.GetMap().GetValues(), m.Mutable(fd).Map().NewValue, depth)
				m.Mutable(fd).Map().Set(key.MapKey(), value)
			}
		default:
			m.Set(fd, g.value(fd, rules, func() protoreflect.Value { return m.NewField(fd) }, depth))
		}
	}
}

// needed says whether an empty value breaks a rule, though nothing says required.
func needed(rules *validate.FieldRules) bool {
	return rules.GetString().GetMinLen() > 0 || rules.GetRepeated().GetMinItems() > 0 ||
		(rules.GetString().GetPattern() != "" && !matches(rules.GetString().GetPattern(), ""))
}

func (g *generator) list(list protoreflect.List, fd protoreflect.FieldDescriptor, rules *validate.RepeatedRules, depth int) {
	least := rules.GetMinItems()
	for range least + g.rnd.Uint64N(4) {
		item := g.value(fd, rules.GetItems(), list.NewElement, depth)
		doubled := false
		for i := range list.Len() {
			doubled = doubled || list.Get(i).Equal(item)
		}
		if !rules.GetUnique() || !doubled {
			list.Append(item)
		}
	}
}

func (g *generator) value(fd protoreflect.FieldDescriptor, rules *validate.FieldRules, fresh func() protoreflect.Value, depth int) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(g.rnd.IntN(2) == 0)
	case protoreflect.EnumKind:
		values := fd.Enum().Values()
		least := 0
		if rules.GetRequired() {
			least = 1
		}
		return protoreflect.ValueOfEnum(values.Get(least + g.rnd.IntN(values.Len()-least)).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(g.text(fd, rules.GetString()))
	case protoreflect.MessageKind:
		v := fresh()
		if fd.Message().FullName() == "google.protobuf.Duration" {
			g.duration(v.Message(), rules.GetDuration())
		} else {
			g.fill(v.Message(), depth+1)
		}
		return v
	default: // Numbers are the server's; no spec has one.
		return fd.Default()
	}
}

// duration is of any magnitude within the rules, down to a nanosecond.
func (g *generator) duration(m protoreflect.Message, rules *validate.DurationRules) {
	least, most := rules.GetGte().AsDuration(), rules.GetLte().AsDuration()
	if rules.GetGt() != nil {
		least = rules.GetGt().AsDuration() + 1
	}
	units := []time.Duration{1, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour}
	d := units[g.rnd.IntN(len(units))] * time.Duration(g.rnd.IntN(5000))
	if g.rnd.IntN(4) == 0 {
		d = time.Duration(g.rnd.Int64N(int64(most)))
	}
	chosen := durationpb.New(min(max(d, least), most))
	m.Set(m.Descriptor().Fields().ByName("seconds"), protoreflect.ValueOfInt64(chosen.GetSeconds()))
	m.Set(m.Descriptor().Fields().ByName("nanos"), protoreflect.ValueOfInt32(chosen.GetNanos()))
}

// text keeps the rules of a string; what the pattern leaves open is as awkward for YAML as can be.
func (g *generator) text(fd protoreflect.FieldDescriptor, rules *validate.StringRules) string {
	if fd.FullName() == "tidemark.scanner.v1.ReceiverResource.kind" && g.rnd.IntN(4) > 0 {
		return "ImageRepository"
	}
	if in := rules.GetIn(); len(in) > 0 {
		return in[g.rnd.IntN(len(in))]
	}
	for range 1000 {
		s := g.awkward()
		if rules.GetPattern() != "" {
			s = g.match(rules.GetPattern())
		}
		if length := uint64(len([]rune(s))); length >= rules.GetMinLen() && (!rules.HasMaxLen() || length <= rules.GetMaxLen()) {
			return s
		}
	}
	panic("no text keeps the rules of " + fd.FullName())
}

var awkward = []string{
	"", " ", "a", "yes", "No", "on", "y", "N", "true", "null", "~", "<<", "=", "-", "- a", "?", ":", "a: b", "a #b", "#", "0", "007", "0x1F",
	"0o17", "1_000", "1:30", "1e3", ".5", ".inf", "NaN", "2026-01-31", "2026-01-31T15:04:05Z", "1.2.3", "[a]", "{a: b}", "*a", "&a", "!a", "!!str a",
	"|", ">-", "%a", "@a", "`a`", `"a"`, "'a'", `\`, "a\tb", "\ta", "a\nb", "a\n", "\na", " a", "a ", "a\n\n", "a \nb", "a\r\nb", "\r",
	"\u00e9", "\u65e5\u672c", "\U0001F600", "\u2028", "\u0085", "\ufeff", "\u0007", "$ts", "${1}", "^v(.*)$", "---", "...", "--- a", "kind: Secret",
	"{{ .Values.a }}", "{{range .Changed.Changes}}\n- {{.OldValue}} -> {{.NewValue}}\n{{end}}", "refs/heads/main:refs/for/main", ">=1.0.0 <2.0.0",
}

func (g *generator) awkward() string {
	if g.rnd.IntN(3) > 0 {
		return awkward[g.rnd.IntN(len(awkward))]
	}
	s := ""
	for range g.rnd.IntN(5) {
		s += awkward[g.rnd.IntN(len(awkward))]
	}
	return s
}

// types are the kinds that manifests have.
func types() []protoreflect.MessageType {
	var all []protoreflect.MessageType
	for _, m := range kinds() {
		all = append(all, m.ProtoReflect().Type())
	}
	slices.SortFunc(all, func(a, b protoreflect.MessageType) int {
		return len(a.Descriptor().FullName()) - len(b.Descriptor().FullName())
	})
	return all
}
