package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

var diskFaults = []fault{{"disk full", "disk-full", diskFull}}

// fullBound is how long a node whose disk is full may go on: until it wants to
// write something that needs more room.
const fullBound = 5 * time.Second

// diskFull takes the room for one node's files away and gives it back. The node
// must stop and say why; it may be started once more before there is room, and
// must come back after.
func diskFull(h *hand, ctx context.Context) {
	h.lookForDead()
	if h.small != nil && h.small.next() {
		noSpace(h, ctx)
		return
	}
	// The node's files may grow to a random length only, so that the last write
	// may be cut short anywhere. To the log that is a full disk but for the
	// number of the error.
	m := h.some(1)[0]
	limit := h.rng.Uint64N(uint64(newestSegment(m.dir)) + 1)
	h.aim(fmt.Sprintf("at %d bytes", limit), m)
	said := h.logSize(m)
	if err := limitFiles(m.pid(), limit); err != nil {
		h.blame("node %d: limit its files: %v", m.id, err)
		return
	}
	if h.stopsOnFullDisk(ctx, m, said, syscall.EFBIG) && h.rng.IntN(2) == 0 {
		h.aim("and started while it is full")
		said = h.logSize(m)
		h.start(m)
		if limitFiles(m.pid(), 0) == nil { // else it has ended, or never began
			h.stopsOnFullDisk(ctx, m, said, syscall.EFBIG)
		}
	}
	m.kill() // one that had nothing to write, or is just about to notice
	h.start(m)
}

// noSpace fills the small disk for real.
func noSpace(h *hand, ctx context.Context) {
	h.now.Name = "no space"
	const most = 300 << 10 // a segment and a bit
	m, leave := h.cluster.members[h.small.node-1], h.rng.Int64N(most)
	h.aim(fmt.Sprintf("%d bytes left", leave), m)
	said := h.logSize(m)
	if err := h.small.fill(leave); err != nil {
		h.blame("node %d: fill its disk: %v", m.id, err)
	} else if h.stopsOnFullDisk(ctx, m, said, syscall.ENOSPC) && h.rng.IntN(2) == 0 {
		h.aim("and started while it is full")
		said = h.logSize(m)
		h.start(m)
		h.stopsOnFullDisk(ctx, m, said, syscall.ENOSPC)
	}
	m.kill() // one that had nothing to write, or is just about to notice
	if err := h.small.empty(); err != nil {
		h.blame("node %d: empty its disk: %v", m.id, err)
	}
	h.start(m)
}

// stopsOnFullDisk waits for a node to stop and checks that it says why in its
// log after the offset. Without a need to write it reports false.
func (h *hand) stopsOnFullDisk(ctx context.Context, m *member, said int64, why syscall.Errno) bool {
	select {
	case <-m.done():
	case <-ctx.Done():
		return false
	case <-time.After(fullBound):
		h.aim("(not noticed)")
		return false
	}
	text, err := os.ReadFile(m.logFile())
	if err != nil || said > int64(len(text)) {
		h.blame("node %d: its log can't be read: %v", m.id, err)
		return false
	}
	words := text[said:]
	reason := []byte(why.Error())
	if state := m.exit(); !state.Exited() || state.ExitCode() != exitFailed || !bytes.Contains(words, reason) {
		h.blame("node %d should have stopped on its full disk with exit code %d and %q in its log, but: %v; see its log from byte %d",
			m.id, exitFailed, reason, state, said)
	}
	return true
}

func (h *hand) logSize(m *member) int64 {
	info, err := os.Stat(m.logFile())
	if err != nil {
		return 0 // the check reads all of it then
	}
	return info.Size()
}

// newestSegment is the size of the log segment below dir that is written to.
func newestSegment(dir string) (size int64) {
	newest := ""
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(d.Name(), ".wal") && d.Name() > newest { // numbers of one length
			if info, err := d.Info(); err == nil {
				newest, size = d.Name(), info.Size()
			}
		}
		return nil // files come and go meanwhile
	})
	return size
}
