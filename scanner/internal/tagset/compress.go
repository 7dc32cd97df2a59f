// SPDX-FileCopyrightText: The Tidemark Authors
// SPDX-License-Identifier: Apache-2.0

package tagset

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// packer and unpacker keep no state between calls and start no goroutines;
// making them costs too much to do it for each chunk.
var (
	packer = sync.OnceValues(func() (*zstd.Encoder, error) {
		// A leaf is 256 KiB at most; the default window would keep 16 MiB for each encoder.
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
			zstd.WithWindowSize(512<<10))
	})
	unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2),
			zstd.WithDecoderMaxMemory(MaxChunkBytes), zstd.WithDecoderMaxWindow(1<<20))
	})
)

// compress appends raw, compressed, to head.
func compress(head, raw []byte) ([]byte, error) {
	encoder, err := packer()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return encoder.EncodeAll(raw, head), nil
}

// decompress gives back at most MaxChunkBytes.
func decompress(packed []byte) ([]byte, error) {
	decoder, err := unpacker()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	raw, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return raw, nil
}
