// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark-io/tidemark/platform/misspelling"
)

// read decides what a document is, and reads it if it is ours. inherited is the apiVersion and kind of a typed list,
// whose items need not say them.
func (d *document) read(n *yaml.Node, depth int, inherited *header) {
	n = deref(n)
	if !d.spend(n, depth) {
		d.finish()
		return
	}
	if n.Kind != yaml.MappingNode {
		d.warnf(n, "", "no manifest: a manifest is a mapping with apiVersion, kind and metadata; skipped")
		d.skip("")
		return
	}
	top := d.entries(n, "", depth)
	head := header{apiVersion: top.text("apiVersion"), kind: top.text("kind")}
	if inherited != nil && head == (header{}) {
		head = *inherited
	}
	d.ident.kind = head.kind
	switch {
	case d.stopped:
		d.finish()
	case head == header{"v1", "List"}:
		d.list(top, depth, nil)
	case head == header{"v1", "Secret"}:
		d.readSecret(n, top, depth)
	case head == header{"v1", "Namespace"}:
		d.readNamespace(n, top, depth)
	default:
		d.readKind(n, top, head, depth)
	}
}

type header struct{ apiVersion, kind string }

func (h header) group() (group, version string) {
	group, version, found := strings.Cut(h.apiVersion, "/")
	if !found {
		return "", group
	}
	return group, version
}

// skip counts a document that is not ours, and forgets what was found wrong with it.
func (d *document) skip(kind string) {
	d.errors = nil
	d.set.Skipped[kind]++
	d.finish()
}

// readKind reads an object of the codec's kinds, or a typed list of them, and skips all else.
func (d *document) readKind(n *yaml.Node, top mapping, head header, depth int) {
	group, version := head.group()
	k := d.codec.kinds[groupKind{group, head.kind}]
	if k == nil {
		d.readOther(n, top, head, depth)
		return
	}
	if !slices.Contains(k.versions, version) {
		d.errorf(top.value("apiVersion", n), "apiVersion", "%s has no version %s here; write %s", k.kind,
			ticked(version), ticked(k.apiVersion()))
	}
	d.readObject(n, top, k, head, depth)
}

// readOther skips a document of no kind of ours, unless it is all but one.
func (d *document) readOther(n *yaml.Node, top mapping, head header, depth int) {
	group, _ := head.group()
	if item, ok := strings.CutSuffix(head.kind, "List"); ok && d.codec.kinds[groupKind{group, item}] != nil {
		d.list(top, depth, &header{head.apiVersion, item})
		return
	}
	for _, k := range d.codec.sorted {
		switch {
		case head.kind == "" && k.group == group:
			d.errorf(top.value("kind", n), "kind", "the kind is missing; write `kind: %s`, or what else of %s is meant", k.kind, group)
		case head.kind == k.kind && head.apiVersion == "":
			d.errorf(top.value("apiVersion", n), "apiVersion", "the apiVersion is missing; write `apiVersion: %s`", k.apiVersion())
		case head.kind == k.kind && misspelling.Of(group, k.group):
			d.errorf(top.value("apiVersion", n), "apiVersion", "unknown group %s; did you mean %s?", ticked(group), ticked(k.apiVersion()))
		case head.kind == k.kind && d.codec.hasGroup(group):
			d.errorf(top.value("apiVersion", n), "apiVersion", "%s has no %s; write `apiVersion: %s`", ticked(group), k.kind, k.apiVersion())
		case head.kind != k.kind && k.group == group && !slices.Contains(fluxKinds, head.kind) && misspelling.Of(head.kind, k.kind):
			d.errorf(top.value("kind", n), "kind", "unknown kind %s; did you mean %s?", ticked(head.kind), ticked(k.kind))
		case head.kind == k.kind:
			d.warnf(n, "apiVersion", "skipped: this %s is of %s, not of %s", k.kind, ticked(group), ticked(k.group))
			continue
		default:
			continue
		}
		if head.kind != "" {
			d.ident.kind = k.kind
		}
		d.nameOnly(top, depth)
		d.finish()
		return
	}
	if head == (header{}) && !isKustomization(d.source.name) {
		d.warnf(n, "", "no manifest: neither apiVersion nor kind; skipped")
	}
	if head.kind == "" && isKustomization(d.source.name) {
		head.kind = "Kustomization"
	}
	d.skip(head.kind)
}

// fluxKinds are Flux's other kinds in the groups of ours, some of which are but few letters away.
var fluxKinds = []string{
	"Alert", "Bucket", "ExternalArtifact", "HelmChart", "HelmRepository", "OCIRepository", "Provider",
}

// hasGroup says whether a group has kinds of ours.
func (c *Codec) hasGroup(group string) bool {
	return slices.ContainsFunc(c.sorted, func(k *kind) bool { return k.group == group })
}

// isKustomization says whether a file is kustomize's own, which needs no kind.
func isKustomization(name string) bool {
	base := name[strings.LastIndexAny(name, `/\`)+1:]
	return base == "kustomization.yaml" || base == "kustomization.yml" || base == "Kustomization"
}

// list reads each item of a list as a document of its own.
func (d *document) list(top mapping, depth int, inherited *header) {
	e := top.find("items")
	if e == nil || isNull(deref(e.value)) {
		return
	}
	items := deref(e.value)
	if items.Kind != yaml.SequenceNode {
		d.errorf(items, "items", "%s", d.wrongType(items, "a list"))
		d.finish()
		return
	}
	for _, item := range items.Content {
		each := &document{fileReader: d.fileReader, places: d.places, secret: d.secret}
		if each.read(item, depth+1, inherited); d.spent() {
			return
		}
	}
}

// readObject reads one object into a message of its kind.
func (d *document) readObject(n *yaml.Node, top mapping, k *kind, head header, depth int) {
	m := k.message.New()
	d.positions = map[string]position{"": d.where(n)}
	d.readMetadata(n, top, m.Mutable(k.metadata).Message(), depth)
	for _, e := range top {
		switch e.key {
		case "apiVersion", "kind", "metadata", "status":
		case k.spec.JSONName():
			d.field(e, m, k.spec, k.spec.JSONName(), depth+1)
		default:
			if m.Descriptor().Fields().ByJSONName(e.key) == nil {
				d.unknown(e, "", []string{"metadata", k.spec.JSONName()})
			}
			// Any other field is output only and is dropped, like status.
		}
	}
	if !d.claim(n, k.groupKind) || !d.finish() {
		return
	}
	o := &Object{
		Message: m.Interface(), APIVersion: head.apiVersion, Kind: head.kind, Namespace: d.ident.namespace, Name: d.ident.name,
		File: d.source.name, Line: d.where(n).line, Warnings: d.warnings, positions: d.positions,
	}
	if !d.secret {
		o.source = d.source
	}
	d.set.Objects = append(d.set.Objects, o)
}

// claim makes the document the one of its name; false: another was first, and this one is reported and dropped.
func (d *document) claim(n *yaml.Node, gk groupKind) bool {
	if len(d.errors) > 0 {
		return true
	}
	id := identity{gk, d.ident.namespace, d.ident.name}
	p := d.where(n)
	if first, taken := d.seen[id]; taken {
		d.errorf(n, "", "%s %s is at %s already, and that one counts; remove one of the two",
			gk.kind, shown(nameOf(id.namespace, id.name)), first)
		d.finish()
		return false
	}
	d.seen[id] = strings.TrimSuffix(place(d.source.name, p.line, 0), ": ")
	return true
}
