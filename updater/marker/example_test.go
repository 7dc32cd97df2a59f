// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package marker_test

import (
	"errors"
	"fmt"

	"github.com/tidemark-io/tidemark/updater/marker"
)

// A file is edited with the images that policies have chosen. All but the marked
// values stays as it is, to the byte.
func Example() {
	file := `# Owned by the shop team
images:
-   name: shop
    newName: "ghcr.io/example/shop"   # {"$imagepolicy": "flux-system:shop:name"}
    newTag: 1.9                       # {"$imagepolicy": "flux-system:shop:tag"}
`
	policies := map[string]marker.Image{
		"flux-system:shop": {Name: "ghcr.io/example/shop", Tag: "1.10"},
	}
	result, err := marker.Edit([]byte(file), marker.ByRef(func(ref marker.Ref) (marker.Image, bool) {
		image, ok := policies[ref.Namespace+":"+ref.Name]
		return image, ok
	}), marker.Options{})
	if err != nil {
		fmt.Println("left alone:", err)
		return
	}
	for _, c := range result.Changes {
		fmt.Printf("line %d, %s: %s -> %s\n\n", c.Line, c.Path, c.Old, c.New)
	}
	fmt.Print(string(result.Data))
	// Output:
	// line 5, images[0].newTag: 1.9 -> 1.10
	//
	// # Owned by the shop team
	// images:
	// -   name: shop
	//     newName: "ghcr.io/example/shop"   # {"$imagepolicy": "flux-system:shop:name"}
	//     newTag: "1.10"                       # {"$imagepolicy": "flux-system:shop:tag"}
}

// Find tells which policies a file needs, before any of them is known. Its answer
// holds as long as the file's bytes do: who keeps it can tell without the file
// whether an image changes anything.
func ExampleFind() {
	file := `kind: Deployment
metadata: {name: shop, namespace: prod}
spec:
  image: ghcr.io/example/shop:1.2.0 # {"$imagepolicy": "flux-system:shop"}
  sidecar: envoy:1.30 # {"$imagepolicy": "envoy"}
`
	markers, problems, err := marker.Find([]byte(file), marker.Options{})
	if err != nil {
		fmt.Println("left alone:", err)
		return
	}
	image := marker.Image{Name: "ghcr.io/example/shop", Tag: "1.3.0"}
	for _, m := range markers {
		text, err := m.Part.Render(image)
		fmt.Println(m.Object.Kind, m.Object.Name, m.Path, m.Ref, m.Value, "changes:", err == nil && text != m.Value)
	}
	for _, p := range problems {
		fmt.Println(p.Kind, p)
	}
	// Output:
	// Deployment shop spec.image flux-system:shop ghcr.io/example/shop:1.2.0 changes: true
	// unreadable line 5: "envoy" names no policy: want <namespace>:<name>, and then nothing, :tag, :name or :digest
}

// A file that is no YAML, as a template, is left alone; the error says where and why.
func ExampleEdit_template() {
	file := `spec:
  replicas: {{ .Values.replicas }}
  image: ghcr.io/example/shop:1.2.0 # {"$imagepolicy": "flux-system:shop"}
`
	result, err := marker.Edit([]byte(file), marker.ByRef(func(marker.Ref) (marker.Image, bool) {
		return marker.Image{Name: "ghcr.io/example/shop", Tag: "1.3.0"}, true
	}), marker.Options{})
	var left *marker.FileError
	fmt.Println(errors.As(err, &left), errors.Is(err, marker.ErrNotYAML), string(result.Data) == file)
	fmt.Println(err)
	// Output:
	// true true true
	// line 2: the file is not YAML: it is a template: {{ stands where a value begins
}

// Changes of many files can be judged together, and some of them taken back, before
// anything is written.
func ExampleResult_Without() {
	file := `a: shop:1.2.0 # {"$imagepolicy": "flux-system:shop"}
b: shop:2.0.0 # {"$imagepolicy": "flux-system:shop"}
`
	result, err := marker.Edit([]byte(file), marker.ByRef(func(marker.Ref) (marker.Image, bool) {
		return marker.Image{Name: "shop", Tag: "1.3.0"}, true
	}), marker.Options{})
	if err != nil {
		fmt.Println("left alone:", err)
		return
	}
	result, err = result.Without(func(i int) bool { return result.Changes[i].Old == "shop:2.0.0" })
	fmt.Print(string(result.Data), err)
	// Output:
	// a: shop:1.3.0 # {"$imagepolicy": "flux-system:shop"}
	// b: shop:2.0.0 # {"$imagepolicy": "flux-system:shop"}
	// <nil>
}

// A Chooser sees each marker and where it is, and may keep a value without a word.
func ExampleChooser() {
	file := `staging: shop:1.2.0 # {"$imagepolicy": "flux-system:shop"}
production: shop:1.2.0 # {"$imagepolicy": "flux-system:shop"}
`
	result, err := marker.Edit([]byte(file), func(m marker.Marker) (marker.Image, marker.Verdict) {
		if m.Document == 0 && m.Path == "production" {
			return marker.Image{}, marker.Keep
		}
		return marker.Image{Name: "shop", Tag: "1.3.0"}, marker.Write
	}, marker.Options{})
	fmt.Print(string(result.Data), err)
	// Output:
	// staging: shop:1.3.0 # {"$imagepolicy": "flux-system:shop"}
	// production: shop:1.2.0 # {"$imagepolicy": "flux-system:shop"}
	// <nil>
}
