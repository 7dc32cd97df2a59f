// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

// defragThresholdMB is how much free space makes a defragmentation at start worth its time.
const defragThresholdMB = 16

// embeddedServer is an etcd that listens nowhere, and the lock on its folder.
type embeddedServer struct {
	etcd *embed.Etcd
	lock *fileutil.LockedFile
}

func startEmbedded(ctx context.Context, cfg Config) (*embeddedServer, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("an embedded store needs a data folder")
	}
	lock, err := lockFolder(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	etcd, err := embed.StartEtcd(embeddedConfig(cfg))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: starting etcd in %s: %w", ErrUnavailable, cfg.DataDir, err), lock.Close())
	}
	server := &embeddedServer{etcd: etcd, lock: lock}
	if err := server.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, server.close())
	}
	return server, nil
}

// lockFolder keeps a second process out. Etcd itself locks its file too, but waits for ever for the first one to end.
func lockFolder(dir string) (*fileutil.LockedFile, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	lock, err := fileutil.TryLockFile(filepath.Join(dir, "etcd.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	return lock, nil
}

func embeddedConfig(cfg Config) *embed.Config {
	c := embed.NewConfig()
	c.Dir = filepath.Join(cfg.DataDir, "etcd")
	c.ListenPeerUrls, c.ListenClientUrls, c.ListenMetricsUrls = []url.URL{}, []url.URL{}, []url.URL{}
	c.TickMs, c.ElectionMs = 10, 100
	// The token is used once, when the folder is empty: without it every embedded cluster would have the same id.
	c.InitialClusterToken = rand.Text()
	c.AutoCompactionMode, c.AutoCompactionRetention = embed.CompactorModePeriodic, "1h"
	c.BootstrapDefragThresholdMegabytes = defragThresholdMB
	c.QuotaBackendBytes = cfg.QuotaBytes
	if c.QuotaBackendBytes == 0 {
		c.QuotaBackendBytes = DefaultQuotaBytes
	}
	// The raft log is kept in memory for members that lag behind, of which there are none: with etcd's 10,000 and 5,000
	// entries it held 40 of the 97 MiB that a scanner of 10 million tags had on its heap.
	c.SnapshotCount, c.SnapshotCatchUpEntries = 500, 50
	c.UnsafeNoFsync = cfg.UnsafeNoFsync
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(cfg.Logger))
	return c
}

func (s *embeddedServer) awaitReady(ctx context.Context) error {
	select {
	case <-s.etcd.Server.ReadyNotify():
		return nil
	case <-s.etcd.Server.StopNotify():
		return fmt.Errorf("%w: the embedded etcd stopped while it started", ErrUnavailable)
	case err := <-s.etcd.Err():
		return fmt.Errorf("%w: the embedded etcd failed while it started: %w", ErrUnavailable, err)
	case <-ctx.Done():
		return fmt.Errorf("waiting for the embedded etcd: %w", ctx.Err())
	}
}

func (s *embeddedServer) client() *clientv3.Client { return v3client.New(s.etcd.Server) }

func (s *embeddedServer) close() error {
	s.etcd.Close()
	return s.lock.Close()
}
