// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package remotes

import (
	"context"
	"errors"
	"maps"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/secret"
)

// use is what secrets one generation of a GitRepository refers to.
type use struct {
	uid        string
	generation int64
	versions   versions
}

// versions are those of secrets, as they were last told of.
type versions map[object.Key]string

// Versions of what has none.
const (
	versionMissing    = "-"
	versionUnreadable = "!"
)

func versionOf(version string, err error) string {
	switch {
	case errors.Is(err, secret.ErrNotFound):
		return versionMissing
	case err != nil:
		return versionUnreadable
	}
	return version
}

// note remembers that a repository uses a secret. The version stays the one that was told of last: a look that reads a
// changed secret before Changed does is nothing that the repository's automations know of.
func (p *Pool) note(r *updaterv1.GitRepository, key object.Key, version string) {
	owner, meta := object.KeyOfMeta(r.GetMetadata()), r.GetMetadata()
	p.mu.Lock()
	defer p.mu.Unlock()
	used := p.used[owner]
	switch {
	case used != nil && used.uid == meta.GetUid() && used.generation > meta.GetGeneration():
		return
	case used == nil || used.uid != meta.GetUid() || used.generation < meta.GetGeneration():
		used = &use{uid: meta.GetUid(), generation: meta.GetGeneration(), versions: versions{}}
		p.used[owner] = used
	}
	if _, known := used.versions[key]; !known {
		used.versions[key] = version
	}
}

// Changed returns the GitRepositories that were opened by this pool and of whose secrets one is another than before: it
// came, went, or holds something else. Each change is told once. Every secret is read once. The error is the context's.
func (p *Pool) Changed(ctx context.Context) ([]object.Key, error) {
	now := versions{}
	for key := range p.secretsInUse() {
		_, version, err := p.secrets.Get(ctx, key.Namespace, key.Name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		now[key] = versionOf(version, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var changed []object.Key
	for owner, used := range p.used {
		before := maps.Clone(used.versions)
		for key := range used.versions {
			if version, read := now[key]; read {
				used.versions[key] = version
			}
		}
		if !maps.Equal(before, used.versions) {
			changed = append(changed, owner)
		}
	}
	return changed, nil
}

func (p *Pool) secretsInUse() map[object.Key]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := map[object.Key]bool{}
	for _, used := range p.used {
		for key := range used.versions {
			keys[key] = true
		}
	}
	return keys
}

// Forget forgets which secrets a GitRepository uses: it is gone.
func (p *Pool) Forget(source object.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, source)
}
