// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package up

import (
	"context"
	"log/slog"
	"time"

	"github.com/tidemark-io/tidemark/platform/manifest"
)

// retryAfter is how long to wait with objects that a service did not take.
const retryAfter = 2 * time.Second

// follower keeps what is stored as a source of manifests says: what is in there is applied, what it brought and no longer
// has is deleted, what others applied is left alone. docs/manifests.md has the rules.
type follower struct {
	source     source
	applier    Applier
	allowEmpty bool
	log        *slog.Logger
	accept     func(*manifest.Set) // takes secrets and namespaces before the objects that need them are applied
	state      *state

	current *manifest.Set
	applied map[id]bool // what was made as the manifests say at some time in this process
	said    map[string]string
}

// id names an object.
type id struct{ noun, namespace, name string }

func (i id) String() string { return i.noun + "/" + i.namespace + "/" + i.name }

// run follows the source until the context ends.
func (f *follower) run(ctx context.Context) error {
	f.applied, f.said = map[id]bool{}, map[string]string{}
	following, stop := context.WithCancel(ctx)
	readings, ended := make(chan reading, 1), make(chan error, 1)
	go func() {
		ended <- f.source.follow(following, func(r reading) {
			select {
			case <-readings: // never taken: this one is newer
			default:
			}
			readings <- r
		})
	}()
	running, err := f.serve(ctx, readings, ended)
	stop()
	if running {
		stopped := <-ended
		f.log.Debug("the manifests are followed no longer", "manifests", f.applier.Manager, "reason", stopped)
	}
	return err
}

// serve works on the readings until the context or the source ends; running: the source has not ended.
func (f *follower) serve(ctx context.Context, readings <-chan reading, ended <-chan error) (running bool, err error) {
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case err := <-ended:
			if ctx.Err() != nil {
				err = nil
			}
			return false, err
		case r := <-readings:
			if !f.take(r) {
				continue
			}
		case <-retry:
		}
		retry = nil
		if !f.reconcile(ctx, f.current) {
			retry = time.After(retryAfter)
		}
	}
}

// take notes what was read; false: there is nothing to be done. While the source cannot be looked at, nothing is undone
// and nothing deleted: somebody may be at work by hand just because of that.
func (f *follower) take(r reading) bool {
	f.state.looked(r, time.Now())
	if r.err != nil {
		if f.say("source", r.err.Error()) {
			f.log.Error("the manifests are not followed: what was applied stays, and they are tried again", "manifests", f.applier.Manager, "error", r.err)
		}
		return false
	}
	if f.said["source"] != "" {
		delete(f.said, "source")
		f.log.Info("the manifests are followed again", "manifests", f.applier.Manager, "revision", r.revision)
	}
	if r.set != f.current {
		f.current, f.said = r.set, map[string]string{}
		f.report(r)
		if len(r.set.Objects)+len(r.set.Secrets)+len(r.set.Namespaces) > 0 || f.allowEmpty {
			f.accept(r.set)
		}
	}
	return true
}

// report tells of everything that was not taken, once for each change of the manifests.
func (f *follower) report(r reading) {
	for _, e := range r.set.Errors {
		f.log.Error("a manifest is not taken; the rest is, and what was applied of it stays", "error", e.Error())
	}
	for _, w := range r.set.Warnings {
		f.log.Warn("a manifest has parts without effect", "warning", w.String())
	}
	skipped := 0
	for _, n := range r.set.Skipped {
		skipped += n
	}
	more := []any{"manifests", f.applier.Manager, "objects", len(r.set.Objects), "errors", len(r.set.Errors), "other_kinds", skipped}
	if r.revision != "" {
		more = append(more, "revision", r.revision)
	}
	f.log.Info("manifests read", more...)
}

// say tells whether something is new, so that it is said once and not at each interval.
func (f *follower) say(about, what string) bool {
	if f.said[about] == what {
		return false
	}
	f.said[about] = what
	return true
}
