// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

// Package store opens the etcd that a service keeps its state in: one embedded in the process, or a cluster of yours.
// It knows where keys begin and whether the store answers; what the keys hold is the business of package object and of
// each service's internal/state.
//
//	<prefix>/epoch                 random, made once; changed by restore and import
//	<prefix>/<service>/…           what a service owns; see Scoped
package store

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/rpcerr"
)

// DefaultPrefix is where the keys begin when the configuration does not say.
const DefaultPrefix = "/tidemark"

// DefaultQuotaBytes bounds an embedded store: 8 GiB, the most that etcd recommends.
const DefaultQuotaBytes = 8 << 30

const (
	dialTimeout  = 5 * time.Second
	checkTimeout = 2 * time.Second
)

var (
	// ErrUnavailable is wrapped by every error of a store that did not answer, or refused for a reason of its own. The
	// same call may be tried again.
	ErrUnavailable = rpcerr.ErrStoreUnavailable
	// ErrInUse says that another process has the data folder open. Trying again helps once that one has ended.
	ErrInUse = errors.New("the data folder is in use by another process")
)

// Config says which etcd to use.
type Config struct {
	// Endpoints of an etcd cluster, for example `http://127.0.0.1:2379`. Empty: an embedded one under DataDir.
	Endpoints []string
	// Prefix of all keys. Empty: DefaultPrefix.
	Prefix string
	// DataDir is the folder of the embedded store, which lives in its folder `etcd`. Made if it is not there.
	DataDir string
	// QuotaBytes bounds the embedded store's size. Zero: DefaultQuotaBytes.
	QuotaBytes int64
	// TLS for the endpoints. Nil: as the endpoints' schemes say.
	TLS *tls.Config
	// Logger gets what the embedded etcd has to say of errors. Nil: errors go to standard error.
	Logger *slog.Logger
	// UnsafeNoFsync makes the embedded store forget what it was told if the machine stops. For tests alone.
	UnsafeNoFsync bool
}

// Store is an open etcd and the prefix under which its holder may write. It is safe for concurrent use.
type Store struct {
	*connection
	prefix string
	// service is what Scoped was given; empty for the store that Open returned, which alone closes the connection.
	service string
}

// connection is what a store and the stores scoped from it share.
type connection struct {
	client    *clientv3.Client
	embedded  *embeddedServer
	clusterID uint64
	epoch     uint64
	instance  string
}

// Open connects to the endpoints, or starts the embedded etcd, and returns when the store answers. Errors: ErrInUse,
// ErrUnavailable, the context's.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	conn, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{connection: conn, prefix: cleanPrefix(cfg.Prefix)}
	if err := s.identify(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func cleanPrefix(prefix string) string {
	if prefix = strings.Trim(prefix, "/"); prefix == "" {
		return DefaultPrefix
	}
	return "/" + prefix
}

func connect(ctx context.Context, cfg Config) (*connection, error) {
	conn := &connection{instance: rand.Text()}
	if len(cfg.Endpoints) == 0 {
		server, err := startEmbedded(ctx, cfg)
		if err != nil {
			return nil, err
		}
		conn.embedded, conn.client = server, server.client()
		return conn, nil
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            cfg.Endpoints,
		TLS:                  cfg.TLS,
		DialTimeout:          dialTimeout,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		AutoSyncInterval:     0,
		Logger:               zapLogger(cfg.Logger),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: connecting to etcd at %s: %w", ErrUnavailable, strings.Join(cfg.Endpoints, ", "), err)
	}
	conn.client = client
	return conn, nil
}

// identify reads the cluster id and the epoch, which it makes if nobody has yet.
func (s *Store) identify(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	var fresh [8]byte
	if _, err := rand.Read(fresh[:]); err != nil {
		return fmt.Errorf("making the store's epoch: %w", err)
	}
	key := s.prefix + "/epoch"
	resp, err := s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, hex.EncodeToString(fresh[:])), clientv3.OpGet(key)).
		Else(clientv3.OpGet(key)).
		Commit()
	if err != nil {
		return Wrap("reading the store's epoch", err)
	}
	got := resp.Responses[len(resp.Responses)-1].GetResponseRange().GetKvs()
	if len(got) != 1 {
		return fmt.Errorf("%w: %s was not readable", ErrUnavailable, key)
	}
	epoch, err := hex.DecodeString(string(got[0].GetValue()))
	if err != nil || len(epoch) != len(fresh) {
		return fmt.Errorf("the store's epoch %s is not 16 hex digits", key)
	}
	s.clusterID, s.epoch = resp.Header.GetClusterId(), binary.BigEndian.Uint64(epoch)
	return nil
}

// Client returns etcd's client. It belongs to the store: do not close it.
func (s *Store) Client() *clientv3.Client { return s.client }

// Prefix returns where this store's keys begin, without a slash at the end.
func (s *Store) Prefix() string { return s.prefix }

// ClusterID tells one etcd cluster from another.
func (s *Store) ClusterID() uint64 { return s.clusterID }

// Epoch tells the histories of one cluster apart: it changes when the store is restored or imported into.
func (s *Store) Epoch() uint64 { return s.epoch }

// Instance is made anew by every Open: it tells what this process wrote from what an earlier one did.
func (s *Store) Instance() string { return s.instance }

// Embedded says whether the etcd runs in this process, so that no other process can be writing to it.
func (s *Store) Embedded() bool { return s.embedded != nil }

// Scoped returns the part of the store that the service owns. It shares the connection, and its Close does nothing.
// Scoping a store twice to one service is scoping it once.
func (s *Store) Scoped(service string) *Store {
	if s.service == service {
		return s
	}
	return &Store{connection: s.connection, prefix: s.prefix + "/" + service, service: service}
}

// Check asks the store for a linearizable read and for its alarms, within two seconds. Nil: it answers and takes
// writes. Errors: ErrUnavailable, the context's.
func (s *Store) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout,
		fmt.Errorf("%w: no answer within %s", ErrUnavailable, checkTimeout))
	defer cancel()
	if _, err := s.client.Get(ctx, s.prefix+"/epoch", clientv3.WithCountOnly()); err != nil {
		return errors.Join(Wrap("reading from the store", err), context.Cause(ctx))
	}
	alarms, err := s.client.AlarmList(ctx)
	if err != nil {
		return errors.Join(Wrap("asking the store for its alarms", err), context.Cause(ctx))
	}
	for _, alarm := range alarms.Alarms {
		return fmt.Errorf("%w: etcd's alarm %s is raised: it takes no writes until that is solved and disarmed",
			ErrUnavailable, alarm.GetAlarm())
	}
	return nil
}

// Close ends the connection, and the embedded etcd. On a scoped store it does nothing.
func (s *Store) Close() error {
	if s.service != "" {
		return nil
	}
	err := s.client.Close()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if s.embedded != nil {
		err = errors.Join(err, s.embedded.close())
	}
	if err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// Wrap gives an error of etcd's client its context and its sentinel: the context's errors stay what they are, all else
// is ErrUnavailable. Nil stays nil.
func Wrap(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrUnavailable):
		return fmt.Errorf("%s: %w", doing, err)
	default:
		return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
	}
}
