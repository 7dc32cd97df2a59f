// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"log/slog"

	clientv3 "go.etcd.io/etcd/client/v3"

	scannerv1 "github.com/tidemark-io/tidemark/gen/tidemark/scanner/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// Service is the scanner's name: the segment of its keys.
const Service = "scanner"

const headPart = "taghead"

// Repository is the stored object.
type Repository = *scannerv1.ImageRepository

// ErrForgotten says that the store no longer has the revision asked for, or never had it.
var ErrForgotten = errors.New("the store has no such revision")

// State is the scanner's part of the store. It is safe for concurrent use.
type State struct {
	// Repositories are the objects. Delete them with Delete, which deletes their tags too.
	Repositories *object.Store[Repository]

	client                             *clientv3.Client
	chunks, metadata, tracked, origins string
	logger                             *slog.Logger
}

// New makes the scanner's state in the program's store, which need not be scoped.
func New(st *store.Store, logger *slog.Logger) *State {
	st = st.Scoped(Service)
	return &State{
		Repositories: object.NewStore(st, object.Kind[Repository]{
			Plural: "imagerepositories",
			Noun:   "ImageRepository",
			New:    func() Repository { return &scannerv1.ImageRepository{} },
		}, object.WithAttachment(headPart), object.WithLogger(logger)),
		client:   st.Client(),
		chunks:   st.Prefix() + "/tagchunks/",
		metadata: st.Prefix() + "/metadata/",
		tracked:  st.Prefix() + "/tracked/",
		origins:  st.Prefix() + "/tagorigins/",
		logger:   logger,
	}
}

func (s *State) headKey(key object.Key) string { return s.Repositories.Key(headPart, key) }

func (s *State) chunkPrefix(uid string) string { return s.chunks + uid + "/" }

func (s *State) chunkKey(uid, id string) string { return s.chunkPrefix(uid) + id }

// Delete removes the object, its tag set and what is known of its tags. Errors: object.ErrNotFound, store.ErrUnavailable.
func (s *State) Delete(ctx context.Context, key object.Key) error {
	repository, err := s.Repositories.Get(ctx, key)
	if err != nil {
		return err
	}
	return s.Repositories.Delete(ctx, key, s.forgetting(repository.GetMetadata().GetUid())...)
}

// forgetting deletes everything that is kept by an object's uid.
func (s *State) forgetting(uid string) []clientv3.Op {
	return []clientv3.Op{
		clientv3.OpDelete(s.chunkPrefix(uid), clientv3.WithPrefix()),
		clientv3.OpDelete(s.metadataPrefix(uid), clientv3.WithPrefix()),
		clientv3.OpDelete(s.trackedPrefix(uid), clientv3.WithPrefix()),
		clientv3.OpDelete(s.originsKey(uid)),
	}
}

// Forget removes what there may still be of an object that is deleted: a scan may have written some since. Errors:
// store.ErrUnavailable.
func (s *State) Forget(ctx context.Context, uid string) error {
	if uid == "" {
		return nil
	}
	_, err := s.client.Txn(ctx).Then(s.forgetting(uid)...).Commit()
	return store.Wrap("deleting the tags of a deleted object", err)
}
