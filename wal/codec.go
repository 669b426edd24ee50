package wal

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec compresses the blocks of one checkpoint, or decompresses them. Its parts are made when first
// needed: a zstd encoder costs megabytes.
type codec struct {
	kind   Compression
	zstdTo *zstd.Encoder
	zstdOf *zstd.Decoder
	lz4To  *lz4.Compressor
}

// pack appends src, compressed, to dst. A block that does not shrink is stored as it is, which unpack
// recognises by its length.
func (c *codec) pack(dst, src []byte) ([]byte, error) {
	at := len(dst)
	switch c.kind {
	case Zstd:
		if c.zstdTo == nil {
			var err error
			// Concurrency 1 and EncodeAll: no goroutine is started.
			c.zstdTo, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
				zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithWindowSize(defaultCheckpointBl))
			if err != nil {
				return nil, fmt.Errorf("wal: zstd: %w", err)
			}
		}
		dst = c.zstdTo.EncodeAll(src, dst)
	case LZ4:
		if c.lz4To == nil {
			c.lz4To = new(lz4.Compressor)
		}
		bound := lz4.CompressBlockBound(len(src))
		dst = append(dst, make([]byte, bound)...)
		n, err := c.lz4To.CompressBlock(src, dst[at:])
		if err != nil {
			return nil, fmt.Errorf("wal: lz4: %w", err)
		}
		dst = dst[:at+n]
	}
	if n := len(dst) - at; n == 0 || n >= len(src) {
		return append(dst[:at], src...), nil
	}
	return dst, nil
}

var errBlockLength = errors.New("the block decompresses to another length")

// unpack returns the raw bytes of a packed block, in dst's memory if that is large enough.
func (c *codec) unpack(dst, src []byte, raw int) ([]byte, error) {
	if len(src) == raw {
		return src, nil
	}
	if cap(dst) < raw {
		dst = make([]byte, raw)
	}
	switch c.kind {
	case Zstd:
		if c.zstdOf == nil {
			var err error
			c.zstdOf, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(maxCheckpointRaw))
			if err != nil {
				return nil, err
			}
		}
		out, err := c.zstdOf.DecodeAll(src, dst[:0])
		if err == nil && len(out) != raw {
			err = errBlockLength
		}
		return out, err
	case LZ4:
		n, err := lz4.UncompressBlock(src, dst[:raw])
		if err == nil && n != raw {
			err = errBlockLength
		}
		return dst[:raw], err
	}
	return nil, errBlockLength
}

func (c *codec) close() {
	if c.zstdTo != nil {
		_ = c.zstdTo.Close() // nothing is buffered in it
	}
	if c.zstdOf != nil {
		c.zstdOf.Close()
	}
}
