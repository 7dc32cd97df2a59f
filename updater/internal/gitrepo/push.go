// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// RefUpdate moves a reference of the remote from Old to New.
type RefUpdate struct {
	// Name is the full name: refs/heads/main, or any other. It may be one that takes commits for review and is
	// never there (refs/for/main): Old is zero then, every time.
	Name string
	// Old is what the reference must be now. Zero: it must not exist, or not be advertised.
	Old Hash
	// New is a commit in the cache.
	New Hash
	// Replace allows a New that does not descend from Old: the caller knows that all of Old is its own.
	// Somebody else's commit is safe either way, since Old is compared on the server.
	Replace bool
}

// PushOptions of one push.
type PushOptions struct {
	// Options are passed to the server's hooks, as `git push -o key=value` does.
	Options map[string]string
}

// PushReport tells what a push did.
type PushReport struct {
	// Objects and PackBytes are what was sent. Both 0: the references were there already.
	Objects   int
	PackBytes int
	// Messages is what the server and its hooks said, bounded.
	Messages string
}

// Push sends the commits made here that the remote lacks, and nothing else, and moves the references, naming
// the old id of each, never forcing. Several references move together or not at all where the server can do
// that. A reference that is at New already counts as moved.
//
// Errors: ErrStale (fetch, commit and push again), ErrRefused with the server's words, ErrOutcomeUnknown (ask
// RemoteHas), and those of Fetch.
func (r *Repo) Push(ctx context.Context, updates []RefUpdate, options PushOptions) (PushReport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.damaged || r.store == nil {
		return PushReport{}, r.fail("push", ErrCacheDamaged, "", nil)
	}
	if err := r.checkUpdates(updates); err != nil {
		return PushReport{}, err
	}
	report, err := r.push(ctx, updates, options)
	if err != nil {
		return report, r.explain(ctx, "push", err)
	}
	if err := r.pushed(updates); err != nil {
		return report, r.fail("push", ErrCache, err.Error(), nil)
	}
	return report, nil
}

// pushed notes what the remote has now. What went to a review is on no reference that could be told of, so it
// is sent again with the next push.
func (r *Repo) pushed(updates []RefUpdate) error {
	changed := false
	for _, u := range updates {
		if forReview(u.Name) {
			continue
		}
		changed = changed || r.refs[u.Name] != u.New
		r.refs[u.Name] = u.New
		for hash := u.New; ; {
			made, ours := r.made[hash]
			if !ours {
				break
			}
			delete(r.made, hash)
			r.forgetPacked(hash)
			hash = made.Parent
		}
	}
	if !changed {
		return nil
	}
	return r.saveRefs()
}

// forReview tells whether a reference is one that takes commits and is never there: Gerrit's refs/for/main,
// and what Gitea and others made after it.
func forReview(name string) bool {
	for _, prefix := range []string{"refs/for/", "refs/drafts/", "refs/publish/", "refs/for-review/"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (r *Repo) checkUpdates(updates []RefUpdate) error {
	if len(updates) == 0 {
		return r.fail("push", ErrRef, "nothing to push", nil)
	}
	for _, u := range updates {
		if err := checkRefName(u.Name); err != nil {
			return r.fail("push", ErrRef, err.Error(), nil)
		}
		if err := r.complete(u.New); err != nil {
			return r.fail("push", ErrStale, fmt.Sprintf("%s is not in the cache, which may have been rebuilt", u.New), nil)
		}
		if u.Replace || u.Old.IsZero() || u.Old == u.New {
			continue
		}
		found, _, err := r.ancestor(u.New, u.Old)
		if errors.Is(err, errManyCommits) {
			return r.fail("push", ErrTooLarge, err.Error(), nil)
		}
		if err != nil {
			return r.damage("push", err)
		}
		if !found {
			return r.fail("push", ErrStale, fmt.Sprintf("%s does not descend from %s", u.New, u.Old), nil)
		}
	}
	return nil
}

func (r *Repo) push(ctx context.Context, updates []RefUpdate, options PushOptions) (report PushReport, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // gives back what the library forgets to close
	session, err := r.conn.receive(ctx)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if adv := r.remembered(updates); adv != nil {
		report, err = r.send(ctx, session, adv, updates, options)
		if !errors.Is(err, errNotTried) {
			return report, err
		}
		r.takes = nil
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return report, err
	}
	r.takes = nil
	report, err = r.send(ctx, session, adv, updates, options)
	if err == nil && r.stateless() {
		r.takes, r.takesUntil = adv.Capabilities, time.Now().Add(takesFor)
	}
	return report, err
}

// send makes one push, of what the updates and the remote's references ask for. While r.takes is set these are
// remembered, and errNotTried says that the push has to be made again with what the remote says now.
func (r *Repo) send(ctx context.Context, session transport.ReceivePackSession, adv *packp.AdvRefs, updates []RefUpdate, options PushOptions) (PushReport, error) {
	var report PushReport
	req, err := r.updateRequest(adv, updates, options)
	if err != nil || req == nil {
		return report, err
	}
	parts, objects, err := r.outgoing(req.Commands, adv)
	if err != nil {
		return report, err
	}
	content, length := reading(parts)
	report.Objects, report.PackBytes = objects, length
	req.Packfile = io.NopCloser(content)
	var said boundedBuffer
	req.Progress = &said
	status, err := session.ReceivePack(ctx, req)
	report.Messages = r.remote.scrub(strings.TrimSpace(said.String()))
	if r.takes != nil && (dismissed(status, err) || incomplete(status)) {
		return PushReport{}, errNotTried
	}
	return report, r.verify(ctx, req.Commands, status, err, report.Messages)
}

// updateRequest compares what the server has with what the updates expect. Nil: all of it is done already.
func (r *Repo) updateRequest(adv *packp.AdvRefs, updates []RefUpdate, options PushOptions) (*packp.ReferenceUpdateRequest, error) {
	req := packp.NewReferenceUpdateRequestFromCapabilities(adv.Capabilities)
	for _, u := range updates {
		switch now := adv.References[u.Name]; now {
		case u.New:
			continue
		case u.Old:
			req.Commands = append(req.Commands, &packp.Command{Name: plumbing.ReferenceName(u.Name), Old: u.Old, New: u.New})
		default:
			return nil, r.fail("push", ErrStale, fmt.Sprintf("%s is at %s and not at %s", u.Name, now, u.Old), nil)
		}
	}
	if len(req.Commands) == 0 {
		return nil, nil
	}
	wanted := []capability.Capability{capability.Sideband64k, capability.Quiet}
	if len(req.Commands) > 1 {
		wanted = append(wanted, capability.Atomic)
	}
	if len(options.Options) > 0 {
		if !adv.Capabilities.Supports(capability.PushOptions) {
			return nil, r.fail("push", ErrRefused, "it takes no push options (receive.advertisePushOptions)", nil)
		}
		wanted = append(wanted, capability.PushOptions)
	}
	for _, c := range wanted {
		if adv.Capabilities.Supports(c) {
			_ = req.Capabilities.Set(c) // takes no argument: cannot fail
		}
	}
	for _, key := range sortedKeys(options.Options) {
		value := options.Options[key]
		if strings.ContainsAny(key+value, "\r\n\x00") {
			return nil, r.fail("push", ErrRefused, "a push option has a line break", nil)
		}
		req.Options = append(req.Options, &packp.Option{Key: key, Value: value})
	}
	return req, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// verify reads the server's report. Only an explicit "ok" for every reference is success.
func (r *Repo) verify(ctx context.Context, commands []*packp.Command, status *packp.ReportStatus, err error, said string) error {
	if status == nil {
		if answered(err) {
			return err
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return r.fail("push", ErrOutcomeUnknown, plain(err), err)
	}
	refusal := ""
	if status.UnpackStatus != "ok" {
		refusal = "unpack: " + status.UnpackStatus
	}
	confirmed := map[string]bool{}
	for _, one := range status.CommandStatuses {
		if one.Error() == nil {
			confirmed[one.ReferenceName.String()] = true
		} else if refusal == "" {
			refusal = one.ReferenceName.String() + ": " + one.Status
		}
	}
	for _, command := range commands {
		if refusal == "" && !confirmed[command.Name.String()] {
			return r.fail("push", ErrOutcomeUnknown, "the server did not report on "+command.Name.String(), nil)
		}
	}
	if refusal == "" {
		return nil
	}
	kind := r.afterRefusal(ctx, commands, refusal)
	if kind == nil {
		return nil
	}
	if said != "" && errors.Is(kind, ErrRefused) {
		refusal += ": " + said
	}
	return r.fail("push", kind, refusal, nil)
}

// answered tells whether an error is the server's own answer to the push, so that nothing was done.
func answered(err error) bool {
	if err == nil {
		return false
	}
	_, kind := classify(err)
	return slices.Contains([]error{ErrAuthentication, ErrForbidden, ErrRepositoryNotFound, ErrTooLarge}, kind)
}

// Git's words for two pushes at the same moment, and for one that came too late. The latter are those of a
// protected branch as well.
var (
	contentionWords = []string{"failed to update ref", "cannot lock ref", "failed to lock"}
	lateWords       = []string{"fetch first", "non-fast-forward", "stale info"}
)

// afterRefusal looks where the references are, whatever the server's words were: nil when all are where they
// should be, so that there was nothing to do; ErrStale when one is elsewhere or somebody was just moving it;
// else ErrRefused.
func (r *Repo) afterRefusal(ctx context.Context, commands []*packp.Command, refusal string) error {
	contains := func(words string) bool { return strings.Contains(refusal, words) }
	now, known := r.references(ctx)
	moved, arrived := false, known
	for _, c := range commands {
		at := now[c.Name.String()]
		moved = moved || (known && at != c.Old)
		arrived = arrived && at == c.New
	}
	switch {
	case arrived:
		return nil
	case moved, slices.ContainsFunc(contentionWords, contains), !known && slices.ContainsFunc(lateWords, contains):
		return ErrStale
	default:
		return ErrRefused
	}
}

// references asks where the remote's references are.
func (r *Repo) references(ctx context.Context) (now map[string]Hash, known bool) {
	session, err := r.conn.receive(ctx)
	if err != nil {
		return nil, false
	}
	defer func() { _ = session.Close() }()
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil || adv == nil {
		return nil, false
	}
	return adv.References, true
}
