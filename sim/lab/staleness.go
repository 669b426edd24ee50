package lab

import (
	"fmt"
	"math/rand/v2"

	"github.com/quoratedb/quorate/actors/kv"
)

// Staleness is the experiment: writes and reads of one key through a
// coordinator that is no replica, each leg of each message drawn independently,
// all else taking no time. A write of a new version is followed by a read that
// is issued a while after its commit, and that by the next write.
type Staleness struct {
	N, R, W int
	Legs    Legs
	Reads   int
	Seed    uint64
	// Progress, if set, is called now and then with the number of reads done.
	Progress func(reads int)
}

// MaxReads bounds an experiment: what it measured is held in memory, 24 bytes a read.
const MaxReads = 100_000_000

func (s *Staleness) validate() error {
	switch {
	case s.N < 1 || s.N > kv.MaxReplicas:
		return fmt.Errorf("lab: N %d, allowed are 1 to %d", s.N, kv.MaxReplicas)
	case s.R < 1 || s.R > s.N:
		return fmt.Errorf("lab: R %d with N %d, allowed are 1 to N", s.R, s.N)
	case s.W < 1 || s.W > s.N:
		return fmt.Errorf("lab: W %d with N %d, allowed are 1 to N", s.W, s.N)
	case s.Reads < 1 || s.Reads > MaxReads:
		return fmt.Errorf("lab: %d reads, allowed are 1 to %d", s.Reads, MaxReads)
	case !(s.Legs.RemoteMs >= 0 && s.Legs.RemoteMs <= maxMs):
		return fmt.Errorf("lab: %v ms between data centres, allowed are 0 to %v", s.Legs.RemoteMs, maxMs)
	}
	return nil
}

// Report is what came of an experiment.
type Report struct {
	N     int `json:"n"`
	R     int `json:"r"`
	W     int `json:"w"`
	Reads int `json:"reads"`
	// ConsistentAtCommit is the probability that a read issued at the moment at
	// which a write commits returns it.
	ConsistentAtCommit float64 `json:"p_consistent_at_commit"`
	// VisibilityMs, by percentile p: a read issued so long after a commit is
	// consistent with probability p/100.
	VisibilityMs map[string]float64 `json:"t_visibility_ms"`
	ReadMs       map[string]float64 `json:"read_latency_ms"`
	WriteMs      map[string]float64 `json:"write_latency_ms"`
	// Behind[k] is the share of the reads issued at a commit whose value was k
	// versions old; the last is that of all older ones.
	Behind []float64 `json:"p_versions_behind"`
	Curve  []Point   `json:"curve"`
}

// Point is one of the t-visibility curve.
type Point struct {
	AfterMs    float64 `json:"t_ms"`
	Consistent float64 `json:"p_consistent"` // by the messages of all reads
	Reads      int     `json:"reads"`        // issued just so long after a commit
	Fresh      int     `json:"consistent_reads"`
}

// maxBehind is how many versions a read can be behind before they are one class.
const maxBehind = 8

// measurement is what one write and the read after it told.
type measurement struct {
	needNs  int64 // how long after the commit the read had to be issued to be consistent
	readNs  int64
	writeNs int64
	behind  int64 // versions; 0: consistent
}

// pilots is how many reads at commits come first, to learn which delays matter.
const pilots = 2000

// Run carries out the experiment. The error says which setting is wrong.
//
// Whether a read is consistent depends on the delay t between commit and read
// only through one number: the t from which on the first R responders have had
// the write when they were asked. Each read yields this number from the times
// of its own messages, so that all reads together give every point of the
// curve. It is checked against what the actors answered at the t at which the
// read was issued in fact: half of them at the commit, the others spread over
// the curve.
func (s *Staleness) Run() (*Report, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	h, err := newHost(s)
	if err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(s.Seed, 0x5ca1ab1e))
	need, read, write := make([]int64, 0, s.Reads), make([]int64, 0, s.Reads), make([]int64, 0, s.Reads)
	grid := []int64{0}
	var issued, fresh []int
	behind := make([]int, maxBehind+1)
	for i := range s.Reads {
		if i == min(pilots, s.Reads-1) && i > 0 { // one read alone shows no more than a commit
			grid = gridTimes(sortTimes(append([]int64(nil), need...)))
		}
		at := 0
		if len(grid) > 1 && chance.IntN(2) == 0 {
			at = 1 + chance.IntN(len(grid)-1)
		}
		m := h.measure(grid[at])
		for len(issued) < len(grid) {
			issued, fresh = append(issued, 0), append(fresh, 0)
		}
		need, read, write = append(need, m.needNs), append(read, m.readNs), append(write, m.writeNs)
		issued[at]++
		if m.behind == 0 {
			fresh[at]++
		}
		if at == 0 {
			behind[min(m.behind, maxBehind)]++
		}
		if s.Progress != nil && i&0xffff == 0xffff {
			s.Progress(i + 1)
		}
	}
	needs := sortTimes(need)
	rep := &Report{N: s.N, R: s.R, W: s.W, Reads: s.Reads, ConsistentAtCommit: needs.upTo(0),
		VisibilityMs: needs.table(), ReadMs: sortTimes(read).table(), WriteMs: sortTimes(write).table()}
	for i, ns := range grid {
		rep.Curve = append(rep.Curve, Point{AfterMs: float64(ns) / 1e6, Consistent: needs.upTo(ns), Reads: issued[i], Fresh: fresh[i]})
	}
	for _, n := range behind {
		rep.Behind = append(rep.Behind, float64(n)/float64(max(issued[0], 1)))
	}
	return rep, nil
}
