// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	"github.com/tidemark-io/tidemark/platform/config"
	"github.com/tidemark-io/tidemark/platform/manifest"
)

// steady hands over the same set all the time.
type steady struct{ set *manifest.Set }

func (s *steady) follow(ctx context.Context, hand func(reading)) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		hand(reading{set: s.set})
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// counted is a connection that counts how often what is stored was listed.
type counted struct {
	grpc.ClientConnInterface
	lists atomic.Int64
}

func (c *counted) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if strings.HasSuffix(method, "/ListImagePolicies") {
		c.lists.Add(1)
	}
	return c.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
}

const shared = `apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: shared}
spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: RANGE}}}
`

// Two sources that begin at the same moment may both have made the object before either sees the other's; from then on
// one of them has it, and nobody writes it again.
func TestTwoSourcesAtTheSameMoment(t *testing.T) {
	options := Options{Common: config.Defaults()}
	options.Common.DataDir, options.Common.LogLevel, options.LogOutput = t.TempDir(), "error", io.Discard
	services, err := Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := services.Stop(); err != nil {
			t.Error(err)
		}
	}()
	codec, err := kinds.Codec()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	var followers []*follower
	for name, semver := range map[string]string{"manifests:/a": "1.x", "manifests:/b": "2.x"} {
		set := codec.Decode("all.yaml", []byte(strings.Replace(shared, "RANGE", semver, 1)), manifest.Options{})
		f := &follower{
			source: &steady{set}, applier: Applier{Conn: &counted{ClientConnInterface: services.Conn}, Manager: name},
			log: slog.New(slog.DiscardHandler), accept: func(*manifest.Set) {}, state: &state{},
		}
		followers = append(followers, f)
		group.Go(func() {
			if err := f.run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	rounds(t, followers, 3)
	first := policyOf(t, services)
	if n := first.GetMetadata().GetGeneration(); n > 2 {
		t.Errorf("each of the two wrote it once at most, and the generation is %d", n)
	}
	rounds(t, followers, 20)
	if now := policyOf(t, services); now.GetMetadata().GetResourceVersion() != first.GetMetadata().GetResourceVersion() {
		t.Errorf("written again: %v, was %v", now.GetMetadata(), first.GetMetadata())
	}
	applied, elsewhere := 0, 0
	for _, f := range followers {
		_, _, counts := f.state.read()
		applied, elsewhere = applied+counts.applied, elsewhere+counts.elsewhere
	}
	if applied != 1 || elsewhere != 1 {
		t.Errorf("%d have it, %d leave it", applied, elsewhere)
	}
	stop()
	group.Wait()
}

// rounds waits until each follower has looked at what is stored n times more.
func rounds(t *testing.T, followers []*follower, n int64) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for _, f := range followers {
		conn, ok := f.applier.Conn.(*counted)
		if !ok {
			t.Fatal("not counted")
		}
		for until := conn.lists.Load() + n; conn.lists.Load() < until; {
			select {
			case <-ticker.C:
			case <-t.Context().Done():
				t.Fatal("the followers stand still")
			}
		}
	}
}

func policyOf(t *testing.T, services *Running) kinds.Object {
	t.Helper()
	object, err := kinds.ImagePolicy().Get(t.Context(), services.Conn, "flux-system", "shared")
	if err != nil {
		t.Fatal(err)
	}
	return object
}
