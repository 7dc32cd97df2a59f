// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package scanning

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tidemark-io/tidemark/platform/store"
)

// measurement is what a scanner's process and its store take at one moment, in bytes.
type measurement struct {
	// Live is what the heap holds after a collection; Heap what its pages take.
	Live, Heap uint64
	// Resident is the process's memory after freed pages went back to the system; Anonymous is the part of it that is no
	// file's: the store's file is mapped. Peak is the most that was ever resident. Zero where the system does not tell.
	Resident, Anonymous, Peak uint64
	// Values are the keys and values of the store, without history; File is the size of its file, InUse the part of that
	// which is not free.
	Values, File, InUse uint64
}

// measure measures this process. The peak is read first: measuring takes memory too.
func measure(ctx context.Context, st *store.Store) (measurement, error) {
	m := measurement{Peak: residency()["VmHWM"]}
	runtime.GC()
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	m.Live, m.Heap = memory.HeapAlloc, memory.HeapInuse
	now := residency()
	m.Resident, m.Anonymous = now["VmRSS"], now["RssAnon"]
	err := m.measureStore(ctx, st)
	return m, err
}

// residency reads Linux's account of this process's memory; empty elsewhere.
func residency() map[string]uint64 {
	found := map[string]uint64{}
	account, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return found
	}
	for line := range strings.Lines(string(account)) {
		name, text, _ := strings.Cut(line, ":")
		kibibytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
		if err == nil {
			found[name] = kibibytes << 10
		}
	}
	return found
}

func (m *measurement) measureStore(ctx context.Context, st *store.Store) error {
	const page = 50 // of at most half a mebibyte each
	end := clientv3.GetPrefixRangeEnd(st.Prefix())
	for from := st.Prefix(); ; {
		response, err := st.Client().Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(page))
		if err != nil {
			return fmt.Errorf("reading the store: %w", err)
		}
		for _, kv := range response.Kvs {
			m.Values += uint64(len(kv.GetKey()) + len(kv.GetValue()))
			from = string(kv.GetKey()) + "\x00"
		}
		if !response.More {
			break
		}
	}
	status, err := st.Client().Status(ctx, "")
	if err != nil {
		return fmt.Errorf("asking for the store's size: %w", err)
	}
	m.File, m.InUse = uint64(max(status.DbSize, 0)), uint64(max(status.DbSizeInUse, 0))
	return nil
}
