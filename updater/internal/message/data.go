// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package message

import (
	"maps"
	"slices"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// Data is what a template sees. Make it with NewData.
type Data struct {
	AutomationObject ObjectName
	Changed          Changed
	Updated          Updated
	Values           map[string]string
}

// ObjectName names an object of a known kind.
type ObjectName struct{ Namespace, Name string }

// String returns namespace/name.
func (n ObjectName) String() string { return n.Namespace + "/" + n.Name }

// ObjectRef names a Kubernetes object in which something changed.
type ObjectRef struct{ Kind, Namespace, Name, APIVersion string }

// String returns kind/namespace/name, without the namespace if there is none.
func (r ObjectRef) String() string {
	if r.Namespace == "" {
		return r.Kind + "/" + r.Name
	}
	return r.Kind + "/" + r.Namespace + "/" + r.Name
}

// Change is one value that changed. Setter is the marker's text, as in
// flux-system:podinfo:tag.
type Change struct{ OldValue, NewValue, Setter string }

// Changed are the changes by file and object, by object, and all, in the order
// of the files' paths and the places in them.
type Changed struct {
	FileChanges map[string]map[ObjectRef][]Change
	Objects     map[ObjectRef][]Change
	Changes     []Change
}

// Updated are the images written, as older templates ask for them: by file and
// object, by object, and all; each list sorted and without doubles.
type Updated struct {
	Files   map[string]File
	Objects map[ObjectRef][]ImageRef
	Images  []ImageRef
}

// File are the images written into one file.
type File struct{ Objects map[ObjectRef][]ImageRef }

// NewData makes a template's data of the changes in each file, by its path.
func NewData(automation ObjectName, files map[string][]marker.Change, values map[string]string) Data {
	data := Data{
		AutomationObject: automation,
		Changed: Changed{
			FileChanges: make(map[string]map[ObjectRef][]Change, len(files)),
			Objects:     make(map[ObjectRef][]Change),
		},
		Updated: Updated{
			Files:   make(map[string]File, len(files)),
			Objects: make(map[ObjectRef][]ImageRef),
		},
		Values: maps.Clone(values),
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		for _, change := range files[path] {
			data.add(path, change)
		}
	}
	data.sort()
	return data
}

func (d *Data) add(path string, c marker.Change) {
	object := ObjectRef{
		Kind: c.Object.Kind, Namespace: c.Object.Namespace,
		Name: c.Object.Name, APIVersion: c.Object.APIVersion,
	}
	change := Change{OldValue: c.Old, NewValue: c.New, Setter: c.String()}
	if d.Changed.FileChanges[path] == nil {
		d.Changed.FileChanges[path] = make(map[ObjectRef][]Change)
		d.Updated.Files[path] = File{Objects: make(map[ObjectRef][]ImageRef)}
	}
	byObject, images := d.Changed.FileChanges[path], d.Updated.Files[path].Objects
	byObject[object] = append(byObject[object], change)
	d.Changed.Objects[object] = append(d.Changed.Objects[object], change)
	d.Changed.Changes = append(d.Changed.Changes, change)
	image := ImageRef{image: c.Image, policy: ObjectName{Namespace: c.Namespace, Name: c.Name}}
	images[object] = append(images[object], image)
	d.Updated.Objects[object] = append(d.Updated.Objects[object], image)
	d.Updated.Images = append(d.Updated.Images, image)
}

// sort puts the images into order, each once.
func (d *Data) sort() {
	for _, file := range d.Updated.Files {
		for object, images := range file.Objects {
			file.Objects[object] = inOrder(images)
		}
	}
	for object, images := range d.Updated.Objects {
		d.Updated.Objects[object] = inOrder(images)
	}
	d.Updated.Images = inOrder(d.Updated.Images)
}
