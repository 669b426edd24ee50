package wal

import (
	"errors"
	"fmt"
)

// Compression is how the blocks of a checkpoint are compressed. It is stored in the file, so it may be
// changed at any time.
type Compression uint8

// The kinds of compression; the numbers are part of the file format.
const (
	Zstd Compression = iota // the default: smallest
	LZ4                     // quicker to write
	None
)

// ParseCompression reads "zstd", "lz4" or "none".
func ParseCompression(s string) (Compression, error) {
	for c := Zstd; c <= None; c++ {
		if c.String() == s {
			return c, nil
		}
	}
	return 0, fmt.Errorf("wal: unknown compression %q: zstd, lz4 and none are allowed", s)
}

func (c Compression) String() string {
	switch c {
	case Zstd:
		return "zstd"
	case LZ4:
		return "lz4"
	case None:
		return "none"
	}
	return fmt.Sprintf("compression(%d)", uint8(c))
}

// Options of a log. The zero value of every field but Dir means its default.
type Options struct {
	// Dir holds the log's files and nothing else; it is created if missing.
	Dir string
	// SegmentBytes is the size at which a segment is closed; 64 MiB unless set, 4 KiB to 16 GiB. One
	// record that is larger gets a segment to itself.
	SegmentBytes int64
	// PreallocateBytes is the step in which a segment is filled with zeros ahead of its records; see
	// BenchmarkSyncStrategy for what that buys. 256 KiB unless set; negative: not at all.
	PreallocateBytes int64
	// MaxRecordBytes bounds a payload; 64 MiB unless set, 1 GiB at most.
	MaxRecordBytes int
	// Compression of checkpoints.
	Compression Compression
	// CheckpointBlockBytes is how much is compressed at a time; 256 KiB unless set, 16 MiB at most.
	CheckpointBlockBytes int
}

const (
	minSegmentBytes     = 4 << 10
	maxSegmentBytes     = 16 << 30
	maxRecordBytes      = 1 << 30 // the format's own bound, whatever the options say
	maxCheckpointBlock  = 16 << 20
	defaultSegment      = 64 << 20
	defaultPreallocate  = 256 << 10
	defaultMaxRecord    = 64 << 20
	defaultCheckpointBl = 256 << 10
)

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("wal: Options.Dir is empty")
	}
	setDefault(&o.SegmentBytes, defaultSegment)
	setDefault(&o.PreallocateBytes, defaultPreallocate)
	setDefault(&o.MaxRecordBytes, defaultMaxRecord)
	setDefault(&o.CheckpointBlockBytes, defaultCheckpointBl)
	if o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes {
		return o, fmt.Errorf("wal: SegmentBytes is %d: %d to %d are allowed", o.SegmentBytes, minSegmentBytes, int64(maxSegmentBytes))
	}
	if o.MaxRecordBytes < 1 || o.MaxRecordBytes > maxRecordBytes {
		return o, fmt.Errorf("wal: MaxRecordBytes is %d: 1 to %d are allowed", o.MaxRecordBytes, maxRecordBytes)
	}
	if o.CheckpointBlockBytes < 1 || o.CheckpointBlockBytes > maxCheckpointBlock {
		return o, fmt.Errorf("wal: CheckpointBlockBytes is %d: 1 to %d are allowed", o.CheckpointBlockBytes, maxCheckpointBlock)
	}
	if o.Compression > None {
		return o, fmt.Errorf("wal: unknown compression %d: zstd, lz4 and none are allowed", o.Compression)
	}
	return o, nil
}

func setDefault[T int | int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
