// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package gitrepo

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// What a pack may hold. The library that indexes it takes every object into memory whole, so that a few
// kilobytes of compressed zeroes could ask for gigabytes.
const (
	maxPackObjects  = 3_000_000
	maxPackInflated = 16 << 30
	maxObjectBytes  = 256 << 20
)

var errPackTooLarge = errors.New("the pack is too large")

// errNoPack: what came is no pack, or a damaged one.
var errNoPack = errors.New("the pack cannot be read")

// packLimits are the constants above; tests have smaller ones.
type packLimits struct {
	bytes    int64 // of the pack as it is sent
	tooMuch  error // what it is called when there are more
	objects  uint32
	object   int64 // bytes of one object
	inflated int64 // bytes of all objects
}

func limitsFor(bytes int64, tooMuch error) packLimits {
	return packLimits{bytes, tooMuch, maxPackObjects, maxObjectBytes, maxPackInflated}
}

// receivePack puts a pack into the store.
func (r *Repo) receivePack(ctx context.Context, from io.Reader, limits packLimits) error {
	return r.takePack(ctx, from, limits, func(file *os.File) error {
		if err := packfile.UpdateObjectStorage(r.store, file); err != nil && !errors.Is(err, packfile.ErrEmptyPackfile) {
			return errors.Join(errNoPack, err, r.removeLeftovers())
		}
		return nil
	})
}

// takePack takes a pack to a file, looks on the way whether it is bounded, and only then has it stored, so that
// nothing is left of one that broke off.
func (r *Repo) takePack(ctx context.Context, from io.Reader, limits packLimits, store func(*os.File) error) error {
	file, err := os.CreateTemp(r.dir, "incoming-*")
	if err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	defer func() {
		_ = os.Remove(file.Name()) // Open removes what stays
		_ = file.Close()
	}()
	progress := meterOf(ctx)
	source := &packSource{from: from, left: limits.bytes, tooMuch: limits.tooMuch, progress: progress}
	sink := &packSink{to: bufio.NewWriterSize(file, 1<<16)}
	check := checkPack(ctx, io.TeeReader(source, sink), limits, progress)
	switch err := errors.Join(sink.failed, sink.to.Flush()); {
	case source.failed != nil:
		return source.failed // the network's fault, or too much
	case err != nil:
		return r.fail("fetch", ErrCache, err.Error(), nil)
	case source.read == 0:
		return nil
	case check != nil:
		return check
	}
	progress.end()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return r.fail("fetch", ErrCache, err.Error(), nil)
	}
	return store(file)
}

// checkPack reads a pack once from the beginning to its end and compares what its objects will be with the
// limits. It stops at the first that is beyond them.
func checkPack(ctx context.Context, from io.Reader, limits packLimits, progress *meter) error {
	scanner := packfile.NewScanner(from)
	_, objects, err := scanner.Header()
	if err != nil {
		return errors.Join(errNoPack, err)
	}
	if objects > limits.objects {
		return fmt.Errorf("%w: %d objects, and %d are allowed", errPackTooLarge, objects, limits.objects)
	}
	total := int64(0)
	for i := range objects {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		size, err := nextSize(scanner, limits.object)
		if err != nil {
			return errors.Join(errNoPack, err)
		}
		if total += size; size < 0 || size > limits.object || total < 0 || total > limits.inflated {
			return fmt.Errorf("%w: an object of %d MiB, and %d are allowed, %d in all", errPackTooLarge, size>>20, limits.object>>20, limits.inflated>>20)
		}
		progress.add(1, 0)
	}
	if _, err := io.Copy(io.Discard, from); err != nil { // its checksum, which is compared when it is stored
		return errors.Join(errNoPack, err)
	}
	return nil
}

// nextSize passes the next object by and tells how large it is, inflated or made from its delta. One that
// says it is larger than the limit is not inflated; one that is larger than it says is an error.
func nextSize(scanner *packfile.Scanner, limit int64) (int64, error) {
	header, err := scanner.NextObjectHeader()
	if err != nil || header.Length < 0 || header.Length > limit {
		if err == nil {
			return header.Length, nil
		}
		return 0, err
	}
	var head beginning
	written, _, err := scanner.NextObject(&head)
	if err == nil && written != header.Length {
		err = fmt.Errorf("an object of %d bytes says that it has %d", written, header.Length)
	}
	if err != nil {
		return 0, err
	}
	switch header.Type {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		return header.Length, nil
	case plumbing.OFSDeltaObject, plumbing.REFDeltaObject:
		return max(header.Length, head.target()), nil
	default:
		return 0, fmt.Errorf("an object of the unknown kind %d", header.Type)
	}
}

// beginning keeps the first bytes written to it: in a delta, the sizes of its base and of its result.
type beginning []byte

func (b *beginning) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), 2*binary.MaxVarintLen64-len(*b))]...)
	return len(p), nil
}

// target is the size of a delta's result; negative when it cannot be read.
func (b beginning) target() int64 {
	_, n := binary.Uvarint(b)
	if n <= 0 {
		return -1
	}
	size, n := binary.Uvarint(b[n:])
	if n <= 0 || size > 1<<62 {
		return -1
	}
	return int64(size)
}

// packSource bounds a pack and remembers why reading it failed, apart from why storing it did.
type packSource struct {
	from     io.Reader
	left     int64
	read     int64
	tooMuch  error
	failed   error
	progress *meter
}

func (s *packSource) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.read += int64(n)
	s.progress.add(0, int64(n))
	if s.left -= int64(n); s.left < 0 && err == nil {
		err = s.tooMuch
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

// packSink remembers why writing failed.
type packSink struct {
	to     *bufio.Writer
	failed error
}

func (s *packSink) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	if err != nil {
		s.failed = err
	}
	return n, err
}
