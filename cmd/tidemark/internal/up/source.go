// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/gitfiles"
)

// lookEvery is how often a folder is looked at; a look at an unchanged folder reads names, sizes and times only.
const lookEvery = 500 * time.Millisecond

// DefaultInterval and DefaultTimeout are Following's Interval and Timeout where those are zero.
const (
	DefaultInterval = time.Minute
	DefaultTimeout  = time.Minute
)

// Following says how manifests are followed.
type Following struct {
	// Interval is how often a Git repository is looked at, and what was changed by hand is undone. Zero: DefaultInterval.
	Interval time.Duration
	// Secret is the credential of a Git repository: a secret of config.Common's SecretsDir in the namespace flux-system.
	// Empty: anonymous.
	Secret string
	// Timeout bounds one look at a Git repository. Zero: DefaultTimeout.
	Timeout time.Duration
	// AllowEmpty says that manifests without any object mean that all is to be deleted.
	AllowEmpty bool
	// Formerly are folders and Git URLs that the manifests were followed at before: what those brought is this one's.
	Formerly []string
}

// reading is what a source was seen to have.
type reading struct {
	// set is the last that could be read; nil: none yet. It is another one only when something has changed.
	set *manifest.Set
	// revision is what of a Git repository was read. Empty: of a folder.
	revision string
	// err says why the source cannot be looked at now.
	err error
}

// source is where manifests come from.
type source interface {
	// follow hands over a reading at once and then as they come, until the context ends or an error that no later look
	// mends. hand is called from one goroutine.
	follow(ctx context.Context, hand func(reading)) error
}

// manifestOptions are how followed manifests are read.
var manifestOptions = manifest.Options{Secrets: true, Namespaces: true}

// nameOf is what a source is called in managed_by: a folder's whole path, or a repository's URL and path without its ref, so
// that the objects stay the source's when another branch is followed.
func nameOf(text string) (string, error) {
	if gitfiles.IsAddress(text) {
		address, err := gitfiles.ParseAddress(text)
		if err != nil {
			return "", err
		}
		return address.Identity(), nil
	}
	path, err := filepath.Abs(text)
	if err != nil {
		return "", fmt.Errorf("the folder %q: %w", text, err)
	}
	return path, nil
}

// folder is a local folder, or a file.
type folder struct {
	path     string
	codec    *manifest.Codec
	interval time.Duration
}

// follow hands the set over again when the interval is over, so that it is seen whether what is stored still is as it says.
func (s *folder) follow(ctx context.Context, hand func(reading)) error {
	sets := make(chan *manifest.Set)
	ended := make(chan error, 1)
	go func() {
		ended <- s.codec.Follow(ctx, s.path, lookEvery, manifestOptions, func(set *manifest.Set) {
			select {
			case sets <- set:
			case <-ctx.Done():
			}
		})
	}()
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	var last reading
	for {
		select {
		case err := <-ended:
			return err
		case set := <-sets:
			last = reading{set: set, err: away(s.path, set)}
		case <-ticker.C:
		}
		if last.set != nil {
			hand(last)
		}
	}
}

// away says that a set is nothing but the word that the path cannot be read.
func away(path string, set *manifest.Set) error {
	if len(set.Objects) == 0 && len(set.Errors) == 1 && set.Errors[0].File == path && set.Errors[0].Line == 0 {
		return set.Errors[0]
	}
	return nil
}

// newSource makes the source that --manifests names.
func newSource(text string, codec *manifest.Codec, options Options, dataDir string) (source, error) {
	interval := options.Following.Interval
	if interval == 0 {
		interval = DefaultInterval
	}
	if interval < 0 {
		return nil, errors.New("--manifests-interval must be a time to come")
	}
	if !gitfiles.IsAddress(text) {
		if options.Following.Secret != "" {
			return nil, errors.New("--manifests-secret is for a Git URL, and --manifests names a folder")
		}
		path, err := filepath.Abs(text)
		if err != nil {
			return nil, fmt.Errorf("--manifests: %w", err)
		}
		return &folder{path: path, codec: codec, interval: interval}, nil
	}
	if options.Following.Secret != "" && options.Common.SecretsDir == "" {
		return nil, errors.New("--manifests-secret names a secret of --secrets-dir, which is not given")
	}
	if options.Following.Timeout < 0 {
		return nil, errors.New("--manifests-timeout must be a time to come")
	}
	repository, err := Remote{
		URL: text, Dir: filepath.Join(dataDir, "manifests"), Timeout: options.Following.Timeout,
		Secret: options.Following.Secret, Secrets: secret.Dir(options.Common.SecretsDir),
	}.open()
	if err != nil {
		return nil, err
	}
	return &repositoryFollower{repository: repository, codec: codec, interval: interval}, nil
}
