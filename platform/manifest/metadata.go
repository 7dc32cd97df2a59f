// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/base64"
	"regexp"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
)

// writtenMetadata are the fields of metadata that are a person's; serverMetadata those that a cluster or a Tidemark server
// fills in, dropped as an exported object may carry them.
var (
	writtenMetadata = []string{"name", "namespace", "labels", "annotations"}
	serverMetadata  = []string{
		"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
		"managedFields", "ownerReferences", "finalizers", "selfLink", "clusterName", "generateName", "managedBy",
	}
)

// readMetadata reads name, namespace (filled in where it is missing), labels and annotations.
func (d *document) readMetadata(n *yaml.Node, top mapping, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	e := top.find("metadata")
	var all mapping
	if e != nil && !isNull(deref(e.value)) {
		d.positions["metadata"] = d.where(e.at)
		if value := deref(e.value); d.wants(value, yaml.MappingNode, "metadata") {
			all = d.entries(value, "metadata", depth+1)
		} else {
			return
		}
	}
	wrong := len(d.errors)
	for _, field := range all {
		switch {
		case slices.Contains(writtenMetadata, field.key):
			d.field(field, m, fields.ByJSONName(field.key), join("metadata", field.key), depth+2)
		case !slices.Contains(serverMetadata, field.key):
			d.unknown(field, "metadata", writtenMetadata)
		}
	}
	if m.Get(fields.ByName("namespace")).String() == "" {
		m.Set(fields.ByName("namespace"), protoreflect.ValueOfString(d.opts.Namespace))
	}
	d.ident.namespace = m.Get(fields.ByName("namespace")).String()
	d.ident.name = m.Get(fields.ByName("name")).String()
	if slices.ContainsFunc(d.errors, func(e *Error) bool { return e.Path == "metadata.name" || e.Path == "metadata.namespace" }) {
		// Nobody knows which object is meant.
		d.ident.name = ""
	}
	if d.ident.name == "" && len(d.errors) == wrong {
		at := n
		if e != nil {
			at = e.at
		}
		sentence := "the name is missing; write `metadata: {name: …}`"
		if all.find("generateName") != nil {
			sentence = "generateName alone makes no name here; write `metadata.name`"
		}
		d.errorf(at, "metadata.name", "%s", sentence)
	}
}

// nameOnly reads the name of an object that is refused anyway, so that the error can carry it.
func (d *document) nameOnly(top mapping, depth int) {
	scratch := &document{fileReader: d.fileReader, places: d.places, positions: map[string]position{}}
	scratch.readMetadata(&yaml.Node{}, top, (&metav1.ObjectMeta{}).ProtoReflect(), depth)
	d.ident.namespace, d.ident.name = scratch.ident.namespace, scratch.ident.name
}

var (
	dnsName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	})
	secretKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`) })
)

// coreMetadata reads the metadata of a Secret or Namespace, which no service checks later.
func (d *document) coreMetadata(n *yaml.Node, top mapping, depth int) *metav1.ObjectMeta {
	meta := &metav1.ObjectMeta{}
	d.positions = map[string]position{}
	d.readMetadata(n, top, meta.ProtoReflect(), depth)
	for _, name := range []string{meta.GetName(), meta.GetNamespace()} {
		if name != "" && (len(name) > 253 || !dnsName().MatchString(name)) {
			d.errorf(top.value("metadata", n), "metadata", "%s is no name; use small letters, digits, `-` and `.`", ticked(name))
		}
	}
	return meta
}

func (d *document) readNamespace(n *yaml.Node, top mapping, depth int) {
	if !d.opts.Namespaces {
		d.skip("Namespace")
		return
	}
	meta := d.coreMetadata(n, top, depth)
	d.ident.namespace = ""
	for _, e := range top {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec", "status"}, e.key) {
			d.unknown(e, "", []string{"metadata"})
		}
	}
	if !d.claim(n, groupKind{"", "Namespace"}) || !d.finish() {
		return
	}
	d.set.Namespaces = append(d.set.Namespaces, &Namespace{
		Name: meta.GetName(), Labels: meta.GetLabels(), File: d.source.name, Line: d.where(n).line,
	})
}

func (d *document) readSecret(n *yaml.Node, top mapping, depth int) {
	d.secret = true
	for _, e := range d.errors {
		e.source = excerpt{}
	}
	if !d.opts.Secrets {
		d.nameOnly(top, depth)
		d.warnf(n, "", "skipped: Secrets are not read from manifests here")
		d.skip("Secret")
		return
	}
	meta := d.coreMetadata(n, top, depth)
	s := &Secret{
		Namespace: meta.GetNamespace(), Name: meta.GetName(), Data: map[string][]byte{},
		File: d.source.name, Line: d.where(n).line,
	}
	for _, e := range top {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable", "status"}, e.key) {
			d.unknown(e, "", []string{"metadata", "data", "stringData", "type"})
		}
	}
	size := d.secretData(s.Data, top, "data", depth) + d.secretData(s.Data, top, "stringData", depth)
	if size > maxSecretBytes {
		d.errorf(n, "data", "the secret holds more than 1 MiB; split it")
	}
	if d.claim(n, groupKind{"", "Secret"}) && d.finish() {
		d.set.Secrets = append(d.set.Secrets, s)
	}
}

// secretData reads `data` (base64) or `stringData` into data, and returns the size. Its errors never show a value.
func (d *document) secretData(data map[string][]byte, top mapping, field string, depth int) (size int) {
	e := top.find(field)
	if e == nil || isNull(deref(e.value)) || !d.wants(deref(e.value), yaml.MappingNode, field) {
		return 0
	}
	for _, each := range d.entries(deref(e.value), field, depth+1) {
		path := joinKey(field, each.key)
		if !secretKey().MatchString(each.key) || each.key == "." || each.key == ".." {
			d.errorf(each.at, path, "the key of a secret is made of letters, digits, `-`, `_` and `.`; rename it")
			continue
		}
		value := []byte{}
		if n := deref(each.value); !isNull(n) && d.spend(n, depth+2) {
			text, ok := d.text(n, path)
			if !ok {
				continue
			}
			value = []byte(text)
		}
		if field == "data" {
			decoded, err := base64.StdEncoding.DecodeString(string(value))
			if err != nil {
				d.errorf(each.value, path, "not base64; encode the value, or write it under stringData")
				continue
			}
			value = decoded
		}
		size += len(value)
		data[each.key] = value
	}
	return size
}
