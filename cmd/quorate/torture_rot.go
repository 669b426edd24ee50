package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

var rotFaults = []fault{{"bit rot", "bit-rot", bitRot}}

// refuseBound is how long a node may take to find that its log is damaged.
const refuseBound = 5 * time.Second

// bitRot flips a bit in the log of a node that is down, in a part that had been
// synced long before. The node must refuse to start from it, say which file it is
// and change nothing; with the bit flipped back it must serve again.
func bitRot(h *hand, ctx context.Context) {
	h.lookForDead()
	m := h.some(1)[0]
	m.kill()
	file := h.coldFile(m)
	if file == "" {
		h.aim("(nothing cold yet)", m)
		h.start(m)
		return
	}
	where, bit, err := h.flip(file)
	if err != nil {
		h.aim("(no bit flipped)", m)
		h.blame("node %d: flip a bit of %s: %v", m.id, file, err)
		h.start(m)
		return
	}
	h.aim(fmt.Sprintf("bit %d of byte %d of %s", bit, where, filepath.Base(file)), m)
	said := h.logSize(m)
	h.start(m)
	select {
	case <-m.done():
		h.refused(m, said, filepath.Base(file))
	case <-ctx.Done():
	case <-time.After(refuseBound):
		h.blame("node %d runs on a log with a flipped bit: bit %d of byte %d of %s", m.id, bit, where, file)
	}
	m.kill()
	if err := flipBit(file, where, bit); err != nil && !errors.Is(err, fs.ErrNotExist) { // one that runs may have removed it
		h.blame("node %d: flip a bit of %s back: %v", m.id, file, err)
	}
	h.start(m)
}

// refused checks how a node with a damaged file ended.
func (h *hand) refused(m *member, said int64, file string) {
	text, err := os.ReadFile(m.logFile())
	if err != nil || said > int64(len(text)) {
		h.blame("node %d: its log can't be read: %v", m.id, err)
		return
	}
	words, state := text[said:], m.exit()
	if !state.Exited() || state.ExitCode() != exitFailed || !bytes.Contains(words, []byte(file+" is damaged")) {
		h.blame("node %d should have refused its damaged log with exit code %d and the name of the file, but: %v; see its log from byte %d",
			m.id, exitFailed, state, said)
	}
}

// coldFile picks a file of a node's log that is written no more and needed to
// start: the newest checkpoint, or a segment after it but the last; "" if there is none.
func (h *hand) coldFile(m *member) string {
	segments, _ := filepath.Glob(filepath.Join(m.dir, "wal", "*.wal")) // the pattern is good; sorted, as are the numbers
	checkpoints, _ := filepath.Glob(filepath.Join(m.dir, "wal", "*.ckpt"))
	var cold []string
	newest := ""
	if n := len(checkpoints); n > 0 {
		newest = checkpoints[n-1]
		cold = append(cold, newest)
	}
	for i := range max(len(segments)-1, 0) {
		if segments[i] >= newest { // of equal numbers the segment is the later
			cold = append(cold, segments[i])
		}
	}
	if cold == nil {
		return ""
	}
	return cold[h.rng.IntN(len(cold))]
}

// flip flips a bit of a byte that holds something: what is blank is not used.
func (h *hand) flip(file string) (where int64, bit int, err error) {
	const header = 4096 // of a segment; what it says is said again behind it
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	from := 0
	if filepath.Ext(file) == ".wal" {
		from = min(header, len(content))
	}
	used := bytes.TrimRight(content[from:], "\x00")
	if len(used) == 0 {
		return 0, 0, errors.New("it is blank")
	}
	for {
		at := h.rng.IntN(len(used))
		if used[at] == 0 {
			continue // it may be padding
		}
		where, bit = int64(from+at), h.rng.IntN(8)
		return where, bit, flipBit(file, where, bit)
	}
}

// flipBit flips one bit of a file.
func flipBit(file string, where int64, bit int) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], where); err != nil {
		return err
	}
	b[0] ^= 1 << bit
	_, err = f.WriteAt(b[:], where)
	return err
}
