// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"regexp"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

var segments = regexp.MustCompile(`[A-Za-z]+|\[\d+\]|\["(?:[^"\\]|\\.)*"\]`)

// forget removes what a path names from a message: a field, an item of a list, or a key of a map. A key that a sentence
// shows only a part of takes all keys that are not shown whole with it.
func forget(m protoreflect.Message, path string) {
	parts := segments.FindAllString(path, -1)
	for i, part := range parts {
		fd := m.Descriptor().Fields().ByJSONName(part)
		switch {
		case !m.Has(fd):
			return
		case i == len(parts)-1:
			m.Clear(fd)
			return
		case fd.IsMap():
			forgetKey(m.Mutable(fd).Map(), parts[i+1])
			return
		case fd.IsList():
			forgetItem(m.Mutable(fd).List(), parts[i+1])
			return
		default:
			m = m.Mutable(fd).Message()
		}
	}
}

func forgetKey(texts protoreflect.Map, part string) {
	var gone []protoreflect.MapKey
	texts.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		if manifestKey(key.String()) == part {
			gone = append(gone, key)
		}
		return true
	})
	for _, key := range gone {
		texts.Clear(key)
	}
}

func forgetItem(list protoreflect.List, part string) {
	at, err := strconv.Atoi(part[1 : len(part)-1])
	if err != nil {
		panic(err)
	}
	for i := at; i+1 < list.Len(); i++ {
		list.Set(i, list.Get(i+1))
	}
	list.Truncate(list.Len() - 1)
}

// manifestKey is a key as a path shows it.
func manifestKey(key string) string {
	o := &manifest.Object{Message: &metav1.ObjectMeta{}}
	return o.ManifestPath("[" + strconv.Quote(key) + "]")
}
