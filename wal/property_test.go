package wal_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/wal"
	"github.com/quoratedb/quorate/wal/waltest"
)

// model is a log and what should be in it.
type model struct {
	fs      *waltest.FS
	o       wal.Options
	log     *wal.Log
	history []string // every record appended, or found again by a restart
	acked   int      // how many of them are certain to survive

	checkpoint *wal.Checkpoint
}

func (m *model) open(t *rapid.T) {
	l, got, err := reopen(m.fs, m.o)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(got), m.acked)
	require.LessOrEqual(t, len(got), len(m.history))
	require.Equal(t, m.history[:len(got)], append([]string{}, got...))
	m.log, m.history, m.acked, m.checkpoint = l, m.history[:len(got)], len(got), nil
}

func (m *model) append(t *rapid.T) {
	size := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(400, 600), rapid.IntRange(3000, 9000)).Draw(t, "size")
	payload := make([]byte, size)
	fill := rapid.Byte().Draw(t, "fill") // zero too: it looks like space never written
	for i := range payload {
		payload[i] = fill
	}
	payload[0] = byte(len(m.history))
	require.NoError(t, m.log.Append(payload))
	m.history = append(m.history, string(payload))
}

func (m *model) begin(t *rapid.T) {
	if m.checkpoint != nil {
		t.Skip("one is being written")
	}
	c, err := m.log.BeginCheckpoint()
	require.NoError(t, err)
	m.checkpoint, m.acked = c, len(m.history)
	for _, r := range m.history {
		require.NoError(t, c.Append([]byte(r)))
	}
}

func (m *model) end(t *rapid.T) {
	if m.checkpoint == nil {
		t.Skip("none is being written")
	}
	if rapid.Bool().Draw(t, "commit") {
		require.NoError(t, m.checkpoint.Commit())
		m.acked = len(m.history)
	} else {
		require.NoError(t, m.checkpoint.Abort())
	}
	m.checkpoint = nil
}

// The log under any sequence of calls, restarts, kills and power failures is a list that loses at most
// what no Sync, roll or checkpoint has made durable, and only from its end.
func TestLogIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{fs: waltest.New(), history: []string{}, o: wal.Options{
			Dir:                  dir,
			SegmentBytes:         rapid.Int64Range(4096, 20000).Draw(t, "segment"),
			PreallocateBytes:     rapid.SampledFrom([]int64{-1, 700, 4096}).Draw(t, "preallocate"),
			Compression:          rapid.SampledFrom([]wal.Compression{wal.LZ4, wal.None}).Draw(t, "compression"),
			CheckpointBlockBytes: 1000,
		}}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"more":   m.append,
			"flush":  func(t *rapid.T) { require.NoError(t, m.log.Flush()) },
			"sync": func(t *rapid.T) {
				require.NoError(t, m.log.Sync())
				m.acked = len(m.history)
			},
			"begin": m.begin,
			"end":   m.end,
			"restart": func(t *rapid.T) {
				require.NoError(t, m.log.Close())
				m.acked = len(m.history)
				m.open(t)
			},
			"kill": func(t *rapid.T) {
				m.fs.Revive()
				m.open(t)
			},
			"power failure": func(t *rapid.T) {
				m.fs = m.fs.Restart(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "keep") })
				m.open(t)
			},
		})
	})
}
