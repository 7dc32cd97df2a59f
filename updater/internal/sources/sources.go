// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package sources keeps the status of GitRepository objects: what their remotes hold, looked at on the interval and told by
// the runs of automations. It writes to no remote.
package sources

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/conditions"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/updater/internal/gitrepo"
	"github.com/tidemark-io/tidemark/updater/internal/remotes"
	"github.com/tidemark-io/tidemark/updater/internal/state"
)

// writeTimeout bounds a status write, also of one that is told of while the process stops.
const writeTimeout = 5 * time.Second

// Sources writes what is known of the remotes. It is safe for concurrent use.
type Sources struct {
	repositories *state.Repositories
	logger       *slog.Logger

	mu sync.Mutex
	// looked is when the newest look that was told of began, by uid.
	looked map[string]time.Time
}

// New makes the keeper of the statuses.
func New(repositories *state.Repositories, logger *slog.Logger) *Sources {
	return &Sources{repositories: repositories, logger: logger, looked: map[string]time.Time{}}
}

// Saw takes in that the repository's reference was at tip by a look that began then. A look that began before one that
// was told of already is old news.
func (s *Sources) Saw(ctx context.Context, r *updaterv1.GitRepository, tip gitrepo.Tip, began time.Time) {
	if !s.newest(r, began) {
		return
	}
	revision := tip.Revision()
	s.write(ctx, r, func(status *updaterv1.GitRepositoryStatus) {
		if status.GetArtifact().GetRevision() != revision {
			status.Artifact = &updaterv1.GitArtifact{Revision: revision, LastUpdateTime: timestamppb.Now()}
		}
		conditions.MarkReady(&status.Conditions, r.GetMetadata().GetGeneration(), "Succeeded",
			fmt.Sprintf("stored artifact for revision '%s'", revision), time.Now())
	})
}

// Failed takes in that the repository could not be looked at. What was seen before stays.
func (s *Sources) Failed(ctx context.Context, r *updaterv1.GitRepository, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	s.fail(ctx, r, reasonOf(err), err.Error())
}

func (s *Sources) fail(ctx context.Context, r *updaterv1.GitRepository, reason, sentence string) {
	if conditions.Ready(r.GetStatus()).GetMessage() != sentence {
		s.logger.WarnContext(ctx, "the Git repository cannot be read", "repository", object.KeyOfMeta(r.GetMetadata()).String(), "error", sentence)
	}
	s.write(ctx, r, func(status *updaterv1.GitRepositoryStatus) {
		conditions.MarkNotReady(&status.Conditions, r.GetMetadata().GetGeneration(), reason, sentence, time.Now())
	})
}

func reasonOf(err error) string {
	for _, kind := range []error{
		remotes.ErrSecret, gitrepo.ErrAuthentication, gitrepo.ErrCredential, gitrepo.ErrHostKey, gitrepo.ErrForbidden,
	} {
		if errors.Is(err, kind) {
			return "AuthenticationFailed"
		}
	}
	return "GitOperationFailed"
}

func (s *Sources) newest(r *updaterv1.GitRepository, began time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	uid := r.GetMetadata().GetUid()
	if began.Before(s.looked[uid]) {
		return false
	}
	s.looked[uid] = began
	return true
}

func (s *Sources) forget(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.looked, uid)
}

func (s *Sources) write(ctx context.Context, r *updaterv1.GitRepository, mutate func(*updaterv1.GitRepositoryStatus)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	key := object.KeyOfMeta(r.GetMetadata())
	_, err := s.repositories.UpdateStatus(ctx, key, r.GetMetadata().GetUid(), func(now *updaterv1.GitRepository) error {
		if now.Status == nil {
			now.Status = &updaterv1.GitRepositoryStatus{}
		}
		if now.Status.GetObservedGeneration() > r.GetMetadata().GetGeneration() {
			return object.ErrUnchanged // somebody knows of a newer spec
		}
		now.Status.ObservedGeneration = r.GetMetadata().GetGeneration()
		mutate(now.Status)
		return nil
	})
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		s.logger.WarnContext(ctx, "the status of a Git repository could not be written", "repository", key.String(), "error", err)
	}
}
