// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/gitfiles"
)

// firstRetry is how soon a Git repository is looked at again after a look that failed; then twice as long, until the
// interval is reached.
const firstRetry = 2 * time.Second

// Remote is a Git repository of manifests.
type Remote struct {
	// URL is what --manifests says.
	URL string
	// Dir keeps the cache.
	Dir string
	// Secret is the credential's name in the namespace flux-system of Secrets. Empty: anonymous.
	Secret  string
	Secrets secret.Source
	// Timeout bounds one look. Zero: a minute.
	Timeout time.Duration
}

// open connects to nothing yet. Errors: the address cannot be used; the cache cannot be made.
func (r Remote) open() (*gitfiles.Repository, error) {
	address, err := gitfiles.ParseAddress(r.URL)
	if err != nil {
		return nil, fmt.Errorf("--manifests: %w", err)
	}
	repository, err := gitfiles.Open(gitfiles.Config{
		Address: address, Dir: r.Dir, Secret: r.Secret, Secrets: r.Secrets, Match: isManifest, Timeout: r.Timeout,
	})
	if err != nil {
		return nil, fmt.Errorf("--manifests: %w", err)
	}
	return repository, nil
}

// Read reads the manifests once. Errors: the address cannot be used; the repository cannot be looked at. What is wrong with
// single files is in the set.
func (r Remote) Read(ctx context.Context, codec *manifest.Codec, options manifest.Options) (set *manifest.Set, err error) {
	repository, err := r.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, repository.Close()) }()
	snapshot, err := repository.Look(ctx)
	if err != nil {
		return nil, fmt.Errorf("--manifests: %w", err)
	}
	return decode(codec, snapshot, options), nil
}

// isManifest says which files of a repository are read: those of a folder.
func isManifest(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// decode reads the manifests of a snapshot into one set. What was passed over is an error of the set, so that nothing is
// taken for deleted that may be in there.
func decode(codec *manifest.Codec, snapshot *gitfiles.Snapshot, options manifest.Options) *manifest.Set {
	all := &manifest.Set{Skipped: map[string]int{}}
	for _, skipped := range snapshot.Skipped {
		all.Errors = append(all.Errors, &manifest.Error{File: skipped.Path, Sentence: "not read: " + skipped.Reason})
	}
	seen := places{}
	for _, file := range snapshot.Files {
		seen.add(all, codec.Decode(file.Path, file.Content, options))
	}
	return all
}

// places is where things were first read.
type places map[[3]string]string

// first says whether a thing was not there yet, and where it was.
func (p places) first(kind, namespace, name, file string, line int) (string, bool) {
	key := [3]string{kind, namespace, name}
	if at, twice := p[key]; twice {
		return at, false
	}
	p[key] = fmt.Sprintf("%s:%d", file, line)
	return "", true
}

const twice = "%s %s is at %s already, and that one counts; remove one of the two"

// add puts one file's set to those before. What was there already is a mistake.
func (p places) add(all, one *manifest.Set) {
	all.Errors = append(all.Errors, one.Errors...)
	all.Warnings = append(all.Warnings, one.Warnings...)
	for kind, n := range one.Skipped {
		all.Skipped[kind] += n
	}
	for _, o := range one.Objects {
		if at, first := p.first(o.Kind, o.Namespace, o.Name, o.File, o.Line); !first {
			all.Errors = append(all.Errors, o.Violation("", fmt.Sprintf(twice, o.Kind, o.Name, at)))
			continue
		}
		all.Objects = append(all.Objects, o)
	}
	for _, s := range one.Secrets {
		if at, first := p.first("Secret", s.Namespace, s.Name, s.File, s.Line); !first {
			all.Errors = append(all.Errors, again("Secret", s.Namespace, s.Name, s.File, s.Line, at))
			continue
		}
		all.Secrets = append(all.Secrets, s)
	}
	for _, n := range one.Namespaces {
		if at, first := p.first("Namespace", "", n.Name, n.File, n.Line); !first {
			all.Errors = append(all.Errors, again("Namespace", "", n.Name, n.File, n.Line, at))
			continue
		}
		all.Namespaces = append(all.Namespaces, n)
	}
}

func again(kind, namespace, name, file string, line int, at string) *manifest.Error {
	return &manifest.Error{File: file, Line: line, Kind: kind, Namespace: namespace, Name: name, Sentence: fmt.Sprintf(twice, kind, name, at)}
}

// repositoryFollower follows a Git repository.
type repositoryFollower struct {
	repository *gitfiles.Repository
	codec      *manifest.Codec
	interval   time.Duration

	snapshot *gitfiles.Snapshot // that last.set is of
	last     reading
}

func (s *repositoryFollower) follow(ctx context.Context, hand func(reading)) error {
	defer func() { _ = s.repository.Close() }() // the cache is checked when it is opened again
	for failures := 0; ; {
		err := s.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait := s.interval
		if failures++; err == nil {
			failures = 0
		} else {
			wait = min(wait, firstRetry<<min(failures-1, 20))
		}
		hand(s.last)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// look takes down what the repository has now.
func (s *repositoryFollower) look(ctx context.Context) error {
	snapshot, err := s.repository.Look(ctx)
	s.last.err = err
	if err != nil || snapshot == s.snapshot {
		return err
	}
	s.snapshot = snapshot
	s.last = reading{set: decode(s.codec, snapshot, manifestOptions), revision: snapshot.Revision}
	return nil
}
