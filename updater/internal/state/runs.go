// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	updaterv1 "github.com/tidemark-io/tidemark/gen/tidemark/updater/v1"
	"github.com/tidemark-io/tidemark/platform/object"
	"github.com/tidemark-io/tidemark/platform/store"
)

// Etcd takes at most 128 operations in a transaction and 1.5 MiB in a request, by default.
const (
	maxTxnOps   = 126
	maxTxnBytes = 1400 << 10
	// maxRecord bounds one record, in bytes: the status that is written with it must fit into the request as well.
	maxRecord = 1200 << 10
	// maxCommitMessage bounds the message in a record that would be too large.
	maxCommitMessage = 64 << 10
	// takeBackTimeout bounds the undoing of what Begin wrote before it failed.
	takeBackTimeout = 5 * time.Second
	// readAtOnce is how many records are read with one request.
	readAtOnce = 8
)

// Record is a run and whose it is.
type Record struct {
	Key object.Key
	Run *updaterv1.Run
}

// Runs are the records of runs. It is safe for concurrent use.
type Runs struct {
	client      *clientv3.Client
	automations *Automations
	prefix      string // of the updater

	adopting sync.Mutex
	adopted  bool

	histories histories
}

// NewRuns makes the records in the program's store. A record is only written while its automation is there.
func NewRuns(st *store.Store, automations *Automations) *Runs {
	return &Runs{
		client: st.Client(), automations: automations, prefix: st.Scoped(Service).Prefix(), histories: histories{limit: maxHistories},
	}
}

// The keys.
func (r *Runs) record(key object.Key, id string) string {
	return r.prefix + "/runs/" + key.String() + "/" + id
}
func (r *Runs) head(key object.Key, id string) string {
	return r.prefix + "/runs-index/" + key.String() + "/" + id
}
func (r *Runs) mark(key object.Key, id string) string {
	return r.prefix + "/runs-open/" + key.String() + "/" + id
}
func (r *Runs) format() string { return r.prefix + "/runs-format" }

// Begin records runs before their pushes, and marks them as open. It succeeds or fails as a whole; a few records fit into one
// transaction, and where it takes several, those that were written are taken back if a later one fails. A process that is
// killed in between leaves records of commits that were never pushed; Unfinished returns them, the remote does not have
// them, and they are dropped. Errors: object.ErrNotFound, naming the automation that is deleted; store.ErrUnavailable.
func (r *Runs) Begin(ctx context.Context, records []Record) error {
	batches, err := r.batches(records)
	if err != nil {
		return err
	}
	for i, b := range batches {
		if err := r.write(ctx, b); err != nil {
			return errors.Join(err, r.takeBack(ctx, batches[:i]))
		}
	}
	return nil
}

func (r *Runs) takeBack(ctx context.Context, batches [][]written) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackTimeout)
	defer cancel()
	var errs []error
	for _, b := range batches {
		for _, w := range b {
			errs = append(errs, r.Drop(ctx, w.key, w.id))
		}
	}
	return errors.Join(errs...)
}

// written is what a record takes in a transaction.
type written struct {
	key object.Key
	id  string
	ops []clientv3.Op
}

// batches shares the records out over as few transactions as they fit into.
func (r *Runs) batches(records []Record) ([][]written, error) {
	var batches [][]written
	ops, size := 0, 0
	for _, record := range records {
		put, bytes, err := r.putOps(record.Key, record.Run)
		if err != nil {
			return nil, err
		}
		if len(batches) == 0 || ops+len(put) > maxTxnOps || size+bytes > maxTxnBytes {
			batches, ops, size = append(batches, nil), 0, 0
		}
		ops, size = ops+len(put), size+bytes
		last := &batches[len(batches)-1]
		*last = append(*last, written{record.Key, record.Run.GetId(), put})
	}
	return batches, nil
}

func (r *Runs) write(ctx context.Context, records []written) error {
	var there []clientv3.Cmp
	var put, look []clientv3.Op
	seen := map[object.Key]bool{}
	var keys []object.Key
	for _, w := range records {
		put = append(put, w.ops...)
		if seen[w.key] {
			continue
		}
		seen[w.key] = true
		keys = append(keys, w.key)
		spec := r.automations.Key("spec", w.key)
		there = append(there, clientv3.Compare(clientv3.CreateRevision(spec), ">", 0))
		look = append(look, clientv3.OpGet(spec, clientv3.WithCountOnly()))
	}
	resp, err := r.client.Txn(ctx).If(there...).Then(put...).Else(look...).Commit()
	if err != nil {
		return store.Wrap("recording runs", err)
	}
	if resp.Succeeded {
		return nil
	}
	for i, found := range resp.Responses {
		if found.GetResponseRange().GetCount() == 0 {
			return fmt.Errorf("recording a run of ImageUpdateAutomation %s: %w", keys[i], object.ErrNotFound)
		}
	}
	return fmt.Errorf("%w: recording runs: the automations came and went", store.ErrUnavailable)
}

// putOps writes a record, its head, and its mark or none.
func (r *Runs) putOps(key object.Key, run *updaterv1.Run) (ops []clientv3.Op, bytes int, err error) {
	value, err := proto.Marshal(fitting(run))
	if err != nil {
		return nil, 0, fmt.Errorf("encoding a run of %s: %w", key, err)
	}
	head, err := proto.Marshal(headOf(run))
	if err != nil {
		return nil, 0, fmt.Errorf("encoding a run of %s: %w", key, err)
	}
	mark := clientv3.OpDelete(r.mark(key, run.GetId()))
	if isOpen(run) {
		mark = clientv3.OpPut(r.mark(key, run.GetId()), "")
	}
	record, index := r.record(key, run.GetId()), r.head(key, run.GetId())
	return []clientv3.Op{clientv3.OpPut(record, string(value)), clientv3.OpPut(index, string(head)), mark},
		len(value) + len(head) + 3*len(index), nil
}

// fitting returns the run as it fits into a record: of what is too large the end is left out.
func fitting(run *updaterv1.Run) *updaterv1.Run {
	if proto.Size(run) <= maxRecord {
		return run
	}
	run = proto.CloneOf(run)
	if len(run.GetCommitMessage()) > maxCommitMessage {
		run.CommitMessage = cut(run.GetCommitMessage(), maxCommitMessage)
	}
	for size := proto.Size(run); size > maxRecord && len(run.GetChanges()) > 0; size = proto.Size(run) {
		run.Changes = run.GetChanges()[:len(run.GetChanges())*9/10]
	}
	return run
}

// Drop removes a record: its commit is nowhere. One that is not there is no error.
func (r *Runs) Drop(ctx context.Context, automation object.Key, id string) error {
	_, err := r.client.Txn(ctx).Then(r.dropOps(automation, id)...).Commit()
	return store.Wrap("dropping a run of "+automation.String(), err)
}

func (r *Runs) dropOps(key object.Key, id string) []clientv3.Op {
	return []clientv3.Op{
		clientv3.OpDelete(r.record(key, id)), clientv3.OpDelete(r.head(key, id)), clientv3.OpDelete(r.mark(key, id)),
	}
}

// DropAllOps removes all records of an automation, as a part of somebody's transaction.
func (r *Runs) DropAllOps(automation object.Key) []clientv3.Op {
	return []clientv3.Op{
		clientv3.OpDelete(r.record(automation, ""), clientv3.WithPrefix()),
		clientv3.OpDelete(r.head(automation, ""), clientv3.WithPrefix()),
		clientv3.OpDelete(r.mark(automation, ""), clientv3.WithPrefix()),
	}
}
