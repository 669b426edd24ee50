package causal

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors/kv"
)

// DefaultCapMs is a ClockConfig's CapMs if none is given.
const DefaultCapMs = 500

// Why a Clock refuses.
var (
	// ErrDrift is a stamp too far ahead of the local wall clock: one of the two
	// clocks is wrong.
	ErrDrift = errors.New("causal: stamp is too far ahead of the wall clock")
	// ErrNotReserved is a stamp above the durable high-water mark: Reserve, and
	// try again when that is durable.
	ErrNotReserved = errors.New("causal: stamp is above the durable high-water mark")
)

// ClockConfig is what a Clock is told. Zero means the default.
type ClockConfig struct {
	// CapMs is how far a stamp may be ahead of the local wall clock.
	CapMs int64
	// SyncMs is how much later than it counts as durable a record may come to be
	// on the disk: the interval between syncs. 0 if it is there before, or if
	// nobody asks for syncs: then no reserve would outlast a power loss, and a
	// crash of the process alone loses nothing.
	SyncMs int64
	// ReserveMs is how far ahead the high-water mark is set. After a crash no stamp
	// is given out until the wall clock is within CapMs of the mark. The default
	// follows from CapMs and SyncMs.
	ReserveMs int64
	Node      kv.NodeID
}

// Clock is a hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone,
// "Logical Physical Clocks and Consistent Snapshots in Globally Distributed
// Databases", OPODIS 2014, figure 5). It stays within CapMs of the wall clocks.
//
//  1. Now returns ever higher stamps, across restarts too: no stamp is above the
//     durable mark, and a restored clock begins above its mark.
//  2. Now returns a stamp above every one that Update has taken.
//  3. No stamp further ahead of the local wall clock than CapMs is given out or
//     taken. It is refused rather than cut down to the cap: a stamp is the
//     identity of a write, and cut down it would differ from replica to replica;
//     taken as it is, it would win over every write until that time has come.
//     So a node whose clock is far ahead gets no W above 1, one whose clock is
//     far behind takes nothing in; both say so. (The paper, section 5, "self-
//     stabilization", ignores such messages too.)
type Clock struct {
	cfg     ClockConfig
	last    Stamp // Node is not used
	markMs  int64 // durable
	askedMs int64 // the highest mark that Reserve returned
}

// defaultReserveMs is half of the cap, so that a node that restarts can stamp
// writes at once, and not as far ahead as its peers would just bear. It is more
// only for syncs: a new mark is asked for when half of the reserve is left, and
// has to be on the disk before that is used up.
func (c *ClockConfig) defaultReserveMs() int64 {
	const (
		leastMs = 100  // with less, every few writes would wait for a mark
		mostMs  = 1000 // with more, stamps after a crash are far in the future
		fsyncMs = 250  // what an fsync may take
	)
	reserve := min(max(c.CapMs/2, leastMs), mostMs)
	if c.SyncMs > 0 {
		reserve = max(reserve, 2*(c.SyncMs+fsyncMs))
	}
	return reserve
}

// NewClock returns a clock that has not seen anything. It panics if a setting is negative.
func NewClock(cfg ClockConfig) Clock {
	if cfg.CapMs < 0 || cfg.ReserveMs < 0 || cfg.SyncMs < 0 {
		panic(fmt.Sprintf("causal: clock with cap %d ms, reserve %d ms and syncs every %d ms, allowed are 0 (default) and above", cfg.CapMs, cfg.ReserveMs, cfg.SyncMs))
	}
	if cfg.CapMs == 0 {
		cfg.CapMs = DefaultCapMs
	}
	if cfg.ReserveMs == 0 {
		cfg.ReserveMs = cfg.defaultReserveMs()
	}
	return Clock{cfg: cfg}
}

// Restore takes back a high-water mark from before a restart. Marks may come in any order.
func (c *Clock) Restore(markMs int64) {
	failpoint.Inject("bug-30-stamp-reused-after-restart", func() { failpoint.Return() })
	c.advance(Stamp{Ms: markMs, Logical: math.MaxUint32})
	// c.markMs is not raised: every stamp up to it may have been given out.
}

// Reserve returns a new high-water mark to make durable if the present one is
// half used up, and not while Now would refuse anyway. Each mark is returned
// once. Before the first Now there must be one.
func (c *Clock) Reserve(wallMs int64) (markMs int64, ok bool) {
	// What was restored may be as far ahead as a mark. A mark above that one would
	// let restarts in quick succession push the clock away, by ReserveMs each.
	refuses := c.last.Ms-wallMs > c.cfg.CapMs
	failpoint.Inject("bug-68-restarts-push-the-clock-away", func() { refuses = false })
	if refuses {
		return 0, false
	}
	at := max(wallMs, c.last.Ms)
	if at+c.cfg.ReserveMs/2 < c.askedMs {
		return 0, false
	}
	c.askedMs = min(at+c.cfg.ReserveMs, MaxMs)
	return c.askedMs, true
}

// Reserved says that a mark is durable.
func (c *Clock) Reserved(markMs int64) { c.markMs = max(c.markMs, markMs) }

// Now returns the stamp of an event at this node (paper: send or local event).
// The errors are ErrDrift, if the wall clock has gone back (or earlier stamps
// ahead), and ErrNotReserved; then nothing has changed.
func (c *Clock) Now(wallMs int64) (Stamp, error) {
	next := Stamp{Ms: wallMs, Node: c.cfg.Node}
	if wallMs <= c.last.Ms {
		next.Ms, next.Logical = c.last.Ms, c.last.Logical+1
		if c.last.Logical == math.MaxUint32 {
			next.Ms, next.Logical = next.Ms+1, 0
		}
	}
	if err := c.check(next, wallMs); err != nil {
		return Stamp{}, err
	}
	if next.Ms > c.markMs {
		return Stamp{}, fmt.Errorf("%w: %v, the mark is %d", ErrNotReserved, next, c.markMs)
	}
	c.last = next
	return next, nil
}

// Update takes a stamp of another node in (paper: receive event), so that later
// ones of this node are above it. The error is ErrDrift; then nothing has
// changed, and the value that came with the stamp must not be stored either.
func (c *Clock) Update(remote Stamp, wallMs int64) error {
	if err := c.check(remote, wallMs); err != nil {
		return err
	}
	failpoint.Inject("bug-35-clock-not-merged", func() { failpoint.Return(nil) })
	c.advance(remote)
	return nil
}

// CapMs is how far a stamp may be ahead of the wall clock.
func (c *Clock) CapMs() int64 { return c.cfg.CapMs }

// ReadMs returns the time against which expiry is judged: it never goes back
// while the node runs.
func (c *Clock) ReadMs(wallMs int64) int64 { return max(wallMs, c.last.Ms) }

func (c *Clock) advance(s Stamp) {
	if c.last.Less(s) {
		c.last = s
	}
}

func (c *Clock) check(s Stamp, wallMs int64) error {
	ahead := s.Ms - wallMs
	tooFar := ahead > c.cfg.CapMs
	failpoint.Inject("bug-31-skewed-clock-not-capped", func() { tooFar = false })
	if tooFar || s.Ms < 0 || s.Ms > MaxMs {
		return fmt.Errorf("%w: %v is %d ms ahead, allowed are %d", ErrDrift, s, ahead, c.cfg.CapMs)
	}
	return nil
}

// Skewed reports whether a wall clock differs from the median of its own and
// its peers' by more than capMs: the node itself is the one that is wrong, and
// should let others coordinate writes. peerMs are their readings as of now,
// and left sorted.
func Skewed(wallMs int64, peerMs []int64, capMs int64) bool {
	if len(peerMs) < 2 {
		return false // of two clocks nobody can say which is wrong
	}
	slices.Sort(peerMs)
	// The median of all, own reading included; of two middle ones that nearer to
	// the own reading.
	low, high := peerMs[len(peerMs)/2-1], peerMs[(len(peerMs)+1)/2]
	median := min(max(wallMs, low), high)
	return wallMs-median > capMs || median-wallMs > capMs
}
