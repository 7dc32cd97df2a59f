// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package once

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	metav1 "github.com/tidemark-io/tidemark/gen/tidemark/meta/v1"
	resolverv1 "github.com/tidemark-io/tidemark/gen/tidemark/resolver/v1"
	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/manifest"
	"github.com/tidemark-io/tidemark/platform/rpcerr"
	"github.com/tidemark-io/tidemark/platform/secret"
	"github.com/tidemark-io/tidemark/updater/gitfiles"

	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/cli/terminal"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/kinds"
	"github.com/tidemark-io/tidemark/cmd/tidemark/internal/up"
)

// objects are what the manifests brought, as stored.
type objects struct {
	repositories []*scannerv1.ImageRepository
	// created are the repositories that the scanner scans by itself, as they are new.
	created     map[*scannerv1.ImageRepository]bool
	policies    []*resolverv1.ImagePolicy
	automations []*updaterv1.ImageUpdateAutomation
	// resting are the automations that their manifests suspend.
	resting map[*updaterv1.ImageUpdateAutomation]bool
}

// load reads the manifests. One mistake ends the loop: half of what somebody meant is nothing to push.
func (l *loop) load(ctx context.Context) (*manifest.Set, error) {
	codec, err := kinds.Codec()
	if err != nil {
		return nil, err
	}
	all := &manifest.Set{}
	seen := map[[3]string]string{}
	for _, path := range l.options.Manifests {
		set, err := l.read(ctx, codec, path)
		if err != nil {
			return nil, err
		}
		for _, o := range set.Objects {
			key := [3]string{o.Kind, o.Namespace, o.Name}
			if at, twice := seen[key]; twice {
				l.fail("%s:%d: %s %s is in %s already", o.File, o.Line, o.Kind, o.Name, at)
			}
			seen[key] = fmt.Sprintf("%s:%d", o.File, o.Line)
		}
		all.Objects = append(all.Objects, set.Objects...)
		all.Errors = append(all.Errors, set.Errors...)
		all.Warnings = append(all.Warnings, set.Warnings...)
		all.Secrets = append(all.Secrets, set.Secrets...)
		all.Namespaces = append(all.Namespaces, set.Namespaces...)
	}
	for _, w := range all.Warnings {
		l.progress.Warning("%s", w)
	}
	for _, e := range all.Errors {
		l.mistake(e)
	}
	switch {
	case l.failed:
		return nil, terminal.ErrShown
	case len(all.Objects) == 0:
		return nil, errors.New("nothing to do: no manifest of ours in what --manifests names")
	}
	return all, nil
}

// longest bounds a fetch, which the loop's own context ends sooner.
const longest = time.Hour

// read reads the manifests of a file, a folder or a Git repository.
func (l *loop) read(ctx context.Context, codec *manifest.Codec, from string) (set *manifest.Set, err error) {
	options := manifest.Options{Namespace: l.options.Namespace, Secrets: true, Namespaces: true}
	if !gitfiles.IsAddress(from) {
		if set, err = codec.Load(from, options); err != nil {
			return nil, fmt.Errorf("--manifests: %w", err)
		}
		return set, nil
	}
	dir := filepath.Join(l.options.DataDir, "manifests")
	if l.options.DataDir == "" {
		if dir, err = os.MkdirTemp("", "tidemark-once-"); err != nil {
			return nil, fmt.Errorf("make a folder for the manifests' repository: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	l.progress.Action("fetching the manifests")
	remote := up.Remote{
		URL: from, Dir: dir, Secret: l.options.ManifestsSecret, Secrets: secret.Dir(l.options.SecretsDir), Timeout: longest,
	}
	return remote.Read(ctx, codec, options)
}

// mistake shows a mistake in a manifest with its line.
func (l *loop) mistake(e *manifest.Error) {
	first, rest, more := strings.Cut(e.Detail(), "\n")
	l.fail("%s", first)
	if more {
		l.progress.Plain(rest)
	}
}

func (l *loop) fail(format string, args ...any) {
	l.failed = true
	l.progress.Failure(format, args...)
}

// apply makes what is stored as the manifests say. While it works nothing runs: the updater has not begun.
func (l *loop) apply(ctx context.Context, set *manifest.Set) error {
	l.progress.Action("applying %s", terminal.Count(len(set.Objects), "manifest"))
	applier := &up.Applier{Conn: l.conn, Manager: manager}
	if err := l.refuseOthers(ctx); err != nil {
		return err
	}
	l.objects = &objects{created: map[*scannerv1.ImageRepository]bool{}, resting: map[*updaterv1.ImageUpdateAutomation]bool{}}
	for _, kind := range kinds.All() {
		if err := applier.Prune(ctx, kind, set, func(o kinds.Object) {
			l.progress.Warning("%s %s is no longer in the manifests, and is forgotten", kind.Noun, o.GetMetadata().GetName())
		}); err != nil {
			return err
		}
	}
	for _, kind := range l.kindsInOrder() {
		for _, o := range set.Objects {
			if o.Kind != kind.Noun {
				continue
			}
			if err := l.applyOne(ctx, applier, o); err != nil {
				return err
			}
		}
	}
	if l.failed {
		return terminal.ErrShown
	}
	return nil
}

// refuseOthers refuses a data folder that is somebody else's, such as that of `tidemark up`: what is in there would run.
func (l *loop) refuseOthers(ctx context.Context) error {
	for _, kind := range kinds.All() {
		stored, err := kind.List(ctx, l.conn, kinds.Filter{})
		if err != nil {
			return err
		}
		for _, o := range stored {
			if by := o.GetMetadata().GetManagedBy(); by != manager {
				return fmt.Errorf("--data-dir %s has %s %s, which '%s' manages: give a folder that only `tidemark once` uses",
					l.options.DataDir, kind.Noun, o.GetMetadata().GetName(), by)
			}
		}
	}
	return nil
}

func (l *loop) applyOne(ctx context.Context, applier *up.Applier, o *manifest.Object) error {
	rests := false
	if automation, ok := o.Message.(*updaterv1.ImageUpdateAutomation); ok {
		rests = automation.GetSpec().GetSuspend()
		if l.options.DryRun && automation.GetSpec() != nil {
			// Suspended, it is previewed and never runs.
			asleep := proto.CloneOf(automation)
			asleep.Spec.Suspend = true
			o.Message = asleep
		}
	}
	stored, outcome, err := applier.Apply(ctx, o)
	if err != nil {
		if rpcerr.Reason(err) != metav1.ErrorReason_ERROR_REASON_INVALID_FIELD {
			return err
		}
		for _, refusal := range kinds.Refusal(o, err) {
			l.mistake(refusal)
		}
		return nil
	}
	switch stored := stored.(type) {
	case *scannerv1.ImageRepository:
		l.objects.repositories = append(l.objects.repositories, stored)
		l.objects.created[stored] = outcome == metav1.ApplyOutcome_APPLY_OUTCOME_CREATED
	case *resolverv1.ImagePolicy:
		l.objects.policies = append(l.objects.policies, stored)
	case *updaterv1.ImageUpdateAutomation:
		l.objects.automations = append(l.objects.automations, stored)
		l.objects.resting[stored] = rests
	}
	return nil
}
