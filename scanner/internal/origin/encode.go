// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// ErrCorrupt marks stored bytes that are no scans.
var ErrCorrupt = errors.New("corrupt origins of tags")

// The stored form is a version byte, the receivers and the scans:
//
//	receivers: count uvarint, for each   uvarint bytes, those bytes
//	scans: count uvarint, for each       trigger, one byte
//	                                     uvarint receiver: 0 is none, n the nth
//	                                     16 bytes of trace id, zeroes for none
//	                                     varint ms since the scan before
//
// 200 scans of one receiver take some 5 KiB: 16 bytes of each are its trace's, which nothing compresses.
const (
	version     = 1
	maxReceiver = 512 // bytes; a namespace has 63 and a name 253
	minScan     = 1 + 1 + 16 + 1
)

// Encode is the stored form.
func (s Scans) Encode() []byte {
	var receivers []string
	for _, one := range s {
		if one.Receiver != "" && len(one.Receiver) <= maxReceiver && !slices.Contains(receivers, one.Receiver) {
			receivers = append(receivers, one.Receiver)
		}
	}
	out := binary.AppendUvarint([]byte{version}, uint64(len(receivers)))
	for _, receiver := range receivers {
		out = binary.AppendUvarint(out, uint64(len(receiver)))
		out = append(out, receiver...)
	}
	out = binary.AppendUvarint(out, uint64(len(s)))
	var last int64
	for _, one := range s {
		out = append(out, byte(one.Trigger))
		out = binary.AppendUvarint(out, uint64(1+slices.Index(receivers, one.Receiver))) //nolint:gosec // Index is -1 at least.
		out = append(out, one.TraceID[:]...)
		at := one.Time.UnixMilli()
		out = binary.AppendVarint(out, at-last)
		last = at
	}
	return out
}

// Decode reads the stored form, of any origin. Errors are ErrCorrupt.
func Decode(stored []byte) (Scans, error) {
	if len(stored) == 0 || stored[0] != version {
		return nil, fmt.Errorf("%w: no version %d", ErrCorrupt, version)
	}
	r := &reader{rest: stored[1:]}
	receivers := make([]string, r.count(1))
	for i := range receivers {
		receivers[i] = string(r.take(r.uvarint(maxReceiver)))
	}
	scans := make(Scans, r.count(minScan))
	var at int64
	for i := range scans {
		at = r.scan(&scans[i], receivers, at)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: the scans cannot be read", ErrCorrupt)
	}
	return scans, nil
}

// reader takes the stored form apart; once something is bad, it stays so.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) scan(into *Scan, receivers []string, last int64) (at int64) {
	if b := r.take(1); b != nil {
		into.Trigger = Trigger(b[0])
	}
	if n := r.uvarint(uint64(len(receivers))); n > 0 {
		into.Receiver = receivers[n-1]
	}
	into.TraceID = trace.TraceID(append(r.take(16), make([]byte, 16)...)[:16])
	since, size := binary.Varint(r.rest)
	if r.bad || size <= 0 {
		r.bad = true
		return last
	}
	r.rest = r.rest[size:]
	at = last + since
	into.Time = time.UnixMilli(at).UTC()
	return at
}

// count reads how many follow, each of so many bytes at least; at most Max.
func (r *reader) count(each int) uint64 {
	n := r.uvarint(Max)
	if n*uint64(each) > uint64(len(r.rest)) { //nolint:gosec // Not negative.
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return n
}

func (r *reader) uvarint(most uint64) uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > most {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// take returns the next bytes, which the caller may not append to in place; nil where there are not so many.
func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}
