// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package metadata_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	localregistry "github.com/tidemark-io/tidemark/localparts/registry"
	"github.com/tidemark-io/tidemark/scanner/internal/metadata"
	"github.com/tidemark-io/tidemark/scanner/internal/registry"
)

const createdAnnotation = "org.opencontainers.image.created"

func at(text string) time.Time {
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return parsed
}

// made is an image of a platform that says when it was made; empty: it does not.
func made(t *testing.T, os, arch, variant, created string, labels, annotations map[string]string) v1.Image {
	t.Helper()
	config := &v1.ConfigFile{OS: os, Architecture: arch, Variant: variant, RootFS: v1.RootFS{Type: "layers"}, Config: v1.Config{Labels: labels}}
	if created != "" {
		config.Created = v1.Time{Time: at(created)}
	}
	image, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config)
	if err != nil {
		t.Fatal(err)
	}
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	if annotations == nil {
		return image
	}
	return mutate.Annotations(image, annotations).(v1.Image)
}

func member(image v1.Image, os, arch, variant string, annotations map[string]string) mutate.IndexAddendum {
	return mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: os, Architecture: arch, Variant: variant}, Annotations: annotations,
	}}
}

func index(annotations map[string]string, members ...mutate.IndexAddendum) remote.Taggable {
	made := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), members...)
	if annotations == nil {
		return made
	}
	return mutate.Annotations(made, annotations).(v1.ImageIndex)
}

// asker asks a real registry, and counts.
type asker struct {
	client             *registry.Client
	name               registry.CanonicalName
	heads, gets, fails atomic.Int64
	busy, most         atomic.Int64
	pushed             map[string]time.Time
}

func (a *asker) enter() func() {
	now := a.busy.Add(1)
	for most := a.most.Load(); now > most && !a.most.CompareAndSwap(most, now); most = a.most.Load() {
	}
	return func() { a.busy.Add(-1) }
}

func (a *asker) Digest(ctx context.Context, tag string) (string, error) {
	defer a.enter()()
	a.heads.Add(1)
	return a.client.Head(ctx, a.name, tag, registry.Options{})
}

func (a *asker) Manifest(ctx context.Context, digest string) (registry.Manifest, error) {
	defer a.enter()()
	a.gets.Add(1)
	if a.fails.Add(-1) >= 0 {
		return registry.Manifest{}, &registry.Error{Kind: registry.ErrServer, Message: "down"}
	}
	return a.client.Manifest(ctx, a.name, digest, registry.Options{})
}

func (a *asker) Blob(ctx context.Context, digest string, most int64) ([]byte, error) {
	defer a.enter()()
	a.gets.Add(1)
	return a.client.Blob(ctx, a.name, digest, most, registry.Options{})
}

func (a *asker) Pushed(context.Context, []string) (map[string]time.Time, error) {
	return a.pushed, errors.New("not told of all")
}

// shelf is a store in memory.
type shelf struct {
	mu   sync.Mutex
	kept map[string][]byte
	fail error
}

func (s *shelf) Metadata(_ context.Context, uid, digest string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[uid+digest], s.fail
}

func (s *shelf) PutMetadata(_ context.Context, uid, digest string, facts []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[uid+digest] = facts
	return s.fail
}

type stage struct {
	*localregistry.Registry
	t      *testing.T
	asker  *asker
	shelf  *shelf
	reader *metadata.Reader
}

func start(t *testing.T, wrap func(http.Handler) http.Handler) *stage {
	t.Helper()
	r, err := localregistry.Start(localregistry.Config{Wrap: wrap})
	if err != nil {
		t.Fatal(err)
	}
	name, err := registry.ParseImage(r.Host() + "/app")
	if err != nil {
		t.Fatal(err)
	}
	client := registry.NewClient(registry.Config{})
	t.Cleanup(func() {
		client.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{Registry: r, t: t, asker: &asker{client: client, name: name}, shelf: &shelf{kept: map[string][]byte{}}}
	s.restart()
	return s
}

// restart forgets what is in memory.
func (s *stage) restart() { s.reader = metadata.New(s.shelf, slog.New(slog.DiscardHandler)) }

func (s *stage) push(tag string, what remote.Taggable) {
	s.t.Helper()
	if err := s.PushImage(s.t.Context(), "app", tag, what); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) subject() metadata.Subject {
	return metadata.Subject{UID: "uid", Image: "app", Asker: s.asker}
}

func (s *stage) tag(name string) metadata.Tag {
	s.t.Helper()
	return s.reader.Tags(s.t.Context(), s.subject(), []string{name}, metadata.Want{Facts: true})[0]
}

func TestWhatImagesSayOfThemselves(t *testing.T) {
	s := start(t, nil)
	amd := func(created string) v1.Image {
		return made(t, "linux", "amd64", "", created, map[string]string{"from": "amd64 config", "both": "label"}, nil)
	}
	arm := func(created string, annotations map[string]string) v1.Image {
		return made(t, "linux", "arm64", "v8", created, map[string]string{"from": "arm64 config", "both": "label"}, annotations)
	}
	helm := mutate.Annotations(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		"application/vnd.cncf.helm.config.v1+json"), map[string]string{createdAnnotation: "2025-05-05T05:05:05+02:00"}).(v1.Image)
	both := []string{"linux/amd64", "linux/arm64/v8"}
	for name, c := range map[string]struct {
		what     remote.Taggable
		want     metadata.Facts
		requests int64
	}{
		"an image's configuration tells": {amd("2025-01-02T03:04:05Z"), metadata.Facts{
			Created: at("2025-01-02T03:04:05Z"), Platforms: both[:1], Labels: map[string]string{"from": "amd64 config", "both": "label"}}, 2},
		"a manifest's annotation stands over its configuration": {arm("2025-01-01T00:00:00Z",
			map[string]string{createdAnnotation: "2025-02-01T00:00:00Z", "both": "annotation"}), metadata.Facts{
			Created: at("2025-02-01T00:00:00Z"), Platforms: both[1:],
			Labels: map[string]string{"from": "arm64 config", "both": "annotation", createdAnnotation: "2025-02-01T00:00:00Z"}}, 2},
		"an index's annotation stands over all": {index(map[string]string{createdAnnotation: "2024-12-24T00:00:00Z", "both": "index"},
			member(amd("2025-01-01T00:00:00Z"), "linux", "amd64", "", nil), member(arm("2025-03-01T00:00:00Z", nil), "linux", "arm64", "v8", nil)),
			metadata.Facts{Created: at("2024-12-24T00:00:00Z"), Platforms: both, Labels: map[string]string{
				"from": "amd64 config", "both": "index", createdAnnotation: "2024-12-24T00:00:00Z"}}, 3},
		"else its newest platform tells": {index(nil,
			member(arm("2025-03-01T00:00:00Z", nil), "linux", "arm64", "v8", nil), member(amd("2025-01-01T00:00:00Z"), "linux", "amd64", "", nil)),
			metadata.Facts{Created: at("2025-03-01T00:00:00Z"), Platforms: both, Labels: map[string]string{"from": "arm64 config", "both": "label"}}, 5},
		"by its annotation": {index(nil, member(amd("2025-01-01T00:00:00Z"), "linux", "amd64", "", nil),
			member(arm("2024-01-01T00:00:00Z", map[string]string{createdAnnotation: "2025-04-01T00:00:00Z"}), "linux", "arm64", "v8", nil)),
			metadata.Facts{Created: at("2025-04-01T00:00:00Z"), Platforms: both, Labels: map[string]string{
				"from": "arm64 config", "both": "label", createdAnnotation: "2025-04-01T00:00:00Z"}}, 5},
		"statements about images are no platforms": {index(nil, member(amd("2025-01-01T00:00:00Z"), "linux", "amd64", "", nil),
			member(made(t, "unknown", "unknown", "", "2026-01-01T00:00:00Z", nil, nil), "unknown", "unknown", "",
				map[string]string{"vnd.docker.reference.type": "attestation-manifest"})),
			metadata.Facts{Created: at("2025-01-01T00:00:00Z"), Platforms: both[:1], Labels: map[string]string{"from": "amd64 config", "both": "label"}}, 3},
		"an image that says nothing": {made(t, "", "", "", "", nil, nil), metadata.Facts{}, 2},
		"an empty index":             {index(nil), metadata.Facts{}, 1},
		"an artifact": {helm, metadata.Facts{Created: at("2025-05-05T05:05:05+02:00").UTC(),
			Labels: map[string]string{createdAnnotation: "2025-05-05T05:05:05+02:00"}}, 1},
		"no time": {made(t, "linux", "amd64", "", "", nil, map[string]string{createdAnnotation: "yesterday"}), metadata.Facts{
			Platforms: both[:1], Labels: map[string]string{createdAnnotation: "yesterday"}, Incomplete: `its time of creation "yesterday" is no time`}, 2},
		"labels beyond the bound": {made(t, "linux", "amd64", "", "", map[string]string{"a": "kept", "b": strings.Repeat("x", 20_000)}, nil), metadata.Facts{
			Platforms: both[:1], Labels: map[string]string{"a": "kept"},
			Incomplete: `its labels are larger than 16384 bytes together, those from "b" on were left out`}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s.push("it", c.what)
			digest, err := c.what.(interface{ Digest() (v1.Hash, error) }).Digest()
			if err != nil {
				t.Fatal(err)
			}
			before := s.asker.gets.Load()
			got := s.tag("it")
			if got.Digest != digest.String() || got.Problem() != c.want.Incomplete {
				t.Errorf("digest %s, want %s; problem %q", got.Digest, digest, got.Problem())
			}
			if diff := cmp.Diff(c.want, got.Facts); diff != "" {
				t.Error(diff)
			}
			if asked := s.asker.gets.Load() - before; asked != c.requests {
				t.Errorf("%d requests, want %d", asked, c.requests)
			}
			s.restart()
			if again := s.tag("it"); !cmp.Equal(again.Facts, got.Facts) || s.asker.gets.Load()-before != c.requests {
				t.Errorf("after a restart: %+v, %d requests", again.Facts, s.asker.gets.Load()-before)
			}
		})
	}
}

func TestManyPlatformsAreBoundedAndSaidToBe(t *testing.T) {
	s := start(t, nil)
	var members []mutate.IndexAddendum
	for i := range 70 {
		arch := fmt.Sprintf("a%02d", i)
		members = append(members, member(made(t, "linux", arch, "", "", nil, nil), "linux", arch, "", nil))
	}
	s.push("it", index(map[string]string{createdAnnotation: "2025-01-01T00:00:00Z"}, members...))
	got := s.tag("it")
	if len(got.Facts.Platforms) != 64 || got.Problem() != "only the first 64 platforms were looked at" {
		t.Errorf("%d platforms, %q", len(got.Facts.Platforms), got.Problem())
	}
}

func TestOneDigestIsReadOnceAndRequestsAreBounded(t *testing.T) {
	s := start(t, nil)
	tags := make([]string, 60)
	for i := range tags {
		tags[i] = fmt.Sprintf("1.0.%d", i)
		s.push(tags[i], made(t, "linux", "amd64", "", fmt.Sprintf("2025-01-01T00:00:%02dZ", i%3), nil, nil))
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i, tag := range s.reader.Tags(t.Context(), s.subject(), tags, metadata.Want{Facts: true}) {
				if tag.Name != tags[i] || tag.Problem() != "" || tag.Facts.Created.Second() != i%3 {
					t.Errorf("%+v", tag)
				}
			}
		})
	}
	group.Wait()
	if got := s.asker.gets.Load(); got != 6 {
		t.Errorf("%d requests for three images", got)
	}
	if got := s.asker.most.Load(); got > 16 {
		t.Errorf("%d requests at once", got)
	}
	heads := s.asker.heads.Load()
	subject := s.subject()
	subject.MaxAge = time.Hour
	s.reader.Tags(t.Context(), subject, tags, metadata.Want{Digest: true})
	if got := s.asker.heads.Load(); got != heads {
		t.Errorf("%d digests were asked for that need not be newer", got-heads)
	}
	s.reader.Tags(t.Context(), s.subject(), tags[:1], metadata.Want{Digest: true})
	if got := s.asker.heads.Load(); got != heads+1 {
		t.Errorf("%d digests were asked for, one was to be", got-heads)
	}
}

func TestFailuresAreToldAndNotKept(t *testing.T) {
	s := start(t, nil)
	s.push("it", made(t, "linux", "amd64", "", "2025-01-01T00:00:00Z", nil, nil))
	s.asker.fails.Store(1)
	got := s.reader.Tags(t.Context(), s.subject(), []string{"it", "gone"}, metadata.Want{Facts: true})
	if !errors.Is(got[0].FactsErr, registry.ErrServer) || got[0].Problem() != "down" || got[0].Digest == "" {
		t.Errorf("%+v", got[0])
	}
	if !errors.Is(got[1].DigestErr, registry.ErrNotFound) || got[1].Problem() == "" {
		t.Errorf("%+v", got[1])
	}
	s.shelf.fail = errors.New("the store is away")
	if again := s.tag("it"); again.Problem() != "" || again.Facts.Created.IsZero() {
		t.Errorf("%+v", again)
	}
	s.asker.pushed = map[string]time.Time{"it": at("2025-06-01T00:00:00Z")}
	pushed := s.reader.Tags(t.Context(), s.subject(), []string{"it", "other"}, metadata.Want{Pushed: true})
	if pushed[0].Problem() != "" || pushed[0].Pushed.IsZero() || pushed[1].Problem() != "not told of all" || pushed[0].Digest != "" {
		t.Errorf("%+v", pushed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.reader.Tags(ctx, s.subject(), []string{"it"}, metadata.Want{Facts: true})[0]; !errors.Is(got.DigestErr, context.Canceled) {
		t.Errorf("%+v", got)
	}
}

func TestContentOfAnotherDigestIsRefused(t *testing.T) {
	var lie atomic.Pointer[string]
	s := start(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if text := lie.Load(); text != nil && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/sha256:") {
				_, _ = w.Write([]byte(*text))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	s.push("it", made(t, "linux", "amd64", "", "2025-01-01T00:00:00Z", nil, nil))
	for _, text := range []string{`{"mediaType":"x"}`, strings.Repeat(" ", 5<<20), ""} {
		lie.Store(&text)
		if got := s.tag("it"); !errors.Is(got.FactsErr, registry.ErrInvalidResponse) {
			t.Errorf("%.20q: %+v", text, got)
		}
	}
}
