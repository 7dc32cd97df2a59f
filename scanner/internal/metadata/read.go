// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

const (
	maxPlatforms = 64
	maxConfig    = 8 << 20 // bytes
	maxLabels    = 16 << 10
	// platformsAtOnce is how many of an index's platforms are read together.
	platformsAtOnce = 4

	createdAnnotation = "org.opencontainers.image.created"
)

// ErrInvalid says that a digest names something that is neither a manifest nor an index.
var ErrInvalid = errors.New("no valid manifest")

// Content gives what digests name; it has the digest when it comes.
type Content interface {
	Manifest(ctx context.Context, digest string) (registry.Manifest, error)
	Blob(ctx context.Context, digest string, most int64) ([]byte, error)
}

// read collects the facts of a manifest or an index. What is known is returned beside an error, which is Content's or
// ErrInvalid.
//
// The time of creation is the index's annotation, else the newest of its platforms' times; a platform's is its
// descriptor's annotation, else its manifest's, else its configuration's. So an index without the annotation costs two
// requests for each of its platforms, and one that has it two for the labels.
func read(ctx context.Context, content Content, digest string) (Facts, error) {
	top, err := open(ctx, content, digest)
	if err != nil {
		return Facts{}, err
	}
	if !top.index() {
		found, err := readImage(ctx, content, top)
		return found.facts(top), err
	}
	return readIndex(ctx, content, top)
}

func open(ctx context.Context, content Content, digest string) (document, error) {
	manifest, err := content.Manifest(ctx, digest)
	if err != nil {
		return document{}, err
	}
	var d document
	if err := json.Unmarshal(manifest.Bytes, &d); err != nil {
		return document{}, fmt.Errorf("%w: %s: %.200s", ErrInvalid, digest, err.Error())
	}
	d.MediaType = cmp.Or(d.MediaType, types.MediaType(manifest.MediaType))
	return d, nil
}

// image is what one platform's manifest and configuration say.
type image struct {
	created     time.Time
	platform    string
	labels      texts
	annotations texts
	incomplete  string
}

func readImage(ctx context.Context, content Content, d document) (image, error) {
	found := image{annotations: d.Annotations}
	found.created = found.claim(d.Annotations[createdAnnotation])
	if d.Config == nil || d.Config.MediaType != types.DockerConfigJSON && d.Config.MediaType != types.OCIConfigJSON {
		return found, nil // an artifact
	}
	blob, err := content.Blob(ctx, d.Config.Digest, maxConfig)
	if err != nil {
		return found, err
	}
	var config configFile
	if err := json.Unmarshal(blob, &config); err != nil {
		return found, fmt.Errorf("%w: configuration %s: %.200s", ErrInvalid, d.Config.Digest, err.Error())
	}
	if found.created.IsZero() {
		found.created = found.claim(config.Created)
	}
	found.labels = config.Config.Labels
	if found.platform = config.String(); found.platform == "" && config.platform != (platform{}) {
		found.incomplete = cmp.Or(found.incomplete, "its configuration's platform has no valid name")
	}
	return found, nil
}

// claim reads a time; zero: there is none.
func (i *image) claim(text string) time.Time {
	made, err := claim(text)
	if err != nil {
		i.incomplete = cmp.Or(i.incomplete, err.Error())
	}
	return made
}

func claim(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	made, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("its time of creation %.64q is no time", text)
	}
	if made = made.UTC().Truncate(time.Microsecond); made.Year() < 1 || made.Year() > 9999 {
		return time.Time{}, fmt.Errorf("its time of creation %.64q is beyond all calendars", text)
	}
	return made, nil
}

func (i image) facts(top document) Facts {
	f := Facts{Created: i.created, Incomplete: i.incomplete}
	if i.platform != "" {
		f.Platforms = []string{i.platform}
	}
	f.label(i.labels, i.annotations, top.Annotations)
	return f
}

// readIndex collects the facts of an index.
func readIndex(ctx context.Context, content Content, top document) (Facts, error) {
	var f Facts
	made, err := claim(top.Annotations[createdAnnotation])
	if err != nil {
		f.leaveOut("%s", err)
	}
	f.Created = made
	members := f.members(top)
	images := make([]image, len(members))
	var group errgroup.Group
	group.SetLimit(platformsAtOnce)
	for i, member := range members {
		images[i].platform = member.platform()
		if !made.IsZero() && i > 0 && images[i].platform != "" {
			continue
		}
		group.Go(func() error { return member.read(ctx, content, &images[i]) })
	}
	err = group.Wait()
	newest := image{}
	for i, each := range images {
		f.Incomplete = cmp.Or(f.Incomplete, each.incomplete)
		if each.platform != "" {
			f.Platforms = append(f.Platforms, each.platform)
		}
		if i == 0 || each.created.After(newest.created) && made.IsZero() {
			newest = each
		}
	}
	if made.IsZero() {
		f.Created = newest.created
	}
	slices.Sort(f.Platforms)
	f.Platforms = slices.Compact(f.Platforms)
	f.label(newest.labels, newest.annotations, top.Annotations)
	return f, err
}

// members are the images of an index, as far as the bound allows.
func (f *Facts) members(top document) []descriptor {
	var members []descriptor
	for _, member := range top.Manifests {
		switch {
		case member.attests():
		case member.MediaType.IsIndex():
			f.leaveOut("an index within the index was not looked at")
		case len(members) == maxPlatforms:
			f.leaveOut("only the first %d platforms were looked at", maxPlatforms)
			return members
		default:
			members = append(members, member)
		}
	}
	return members
}

func (d descriptor) platform() string {
	if d.Platform == nil {
		return ""
	}
	return d.Platform.String()
}

func (d descriptor) read(ctx context.Context, content Content, into *image) error {
	manifest, err := open(ctx, content, d.Digest)
	if err != nil {
		return err
	}
	found, err := readImage(ctx, content, manifest)
	found.platform = cmp.Or(into.platform, found.platform)
	if own := found.claim(d.Annotations[createdAnnotation]); !own.IsZero() {
		found.created = own
	}
	*into = found
	return err
}

// label merges labels, later ones over earlier ones, as far as the bound allows, in the order of their names.
func (f *Facts) label(layers ...texts) {
	merged := texts{}
	for _, layer := range layers {
		maps.Copy(merged, layer)
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if size += len(name) + len(merged[name]); size > maxLabels {
			f.leaveOut("its labels are larger than %d bytes together, those from %.64q on were left out", maxLabels, name)
			return
		}
		if f.Labels == nil {
			f.Labels = map[string]string{}
		}
		f.Labels[name] = merged[name]
	}
}
