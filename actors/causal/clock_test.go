package causal

import (
	"errors"
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// clockNode is a node with a clock, what of it is durable, and the twin: all
// that it has ever stamped or taken in.
type clockNode struct {
	clock   Clock
	durable int64 // the mark on disk
	written int64 // the mark on its way to disk
	wallMs  int64
	past    []Stamp // stamps that influence the next one
	issued  []Stamp // over all restarts
}

var testClock = ClockConfig{CapMs: 20, ReserveMs: 50}

func newClock(id int) Clock {
	cfg := testClock
	cfg.Node = kv.NodeID(id)
	return NewClock(cfg)
}

func (n *clockNode) sync() {
	n.durable = n.written
	n.clock.Reserved(n.durable)
}

func highest(s []Stamp) Stamp {
	if len(s) == 0 {
		return Stamp{}
	}
	return slices.MaxFunc(s, Stamp.Compare)
}

func TestClockAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := []*clockNode{{clock: newClock(1), wallMs: 1000}, {clock: newClock(2), wallMs: 1000}}
		for range rapid.IntRange(30, 90).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "node")
			n, other := nodes[i], nodes[1-i]
			switch rapid.SampledFrom([]string{"wall", "jump", "stamp", "stamp", "receive", "reserve", "sync", "restart"}).Draw(t, "step") {
			case "wall":
				n.wallMs += rapid.Int64Range(0, 30).Draw(t, "ms")
			case "jump":
				n.wallMs += rapid.Int64Range(-60, 60).Draw(t, "ms")
			case "stamp":
				stampChecked(t, n)
			case "receive":
				receiveChecked(t, n, highest(other.issued))
			case "reserve":
				if mark, ok := n.clock.Reserve(n.wallMs); ok {
					require.Greater(t, mark, n.written, "a mark was asked for twice")
					n.written = mark
				}
			case "sync":
				n.sync()
			case "restart":
				n.clock = newClock(i + 1)
				n.clock.Restore(n.durable)
				n.written = n.durable
				n.past = n.issued // what it had taken in is gone, or comes back with the values
			}
		}
	})
}

func stampChecked(t *rapid.T, n *clockNode) {
	s, err := n.clock.Now(n.wallMs)
	if err != nil {
		require.True(t, errors.Is(err, ErrDrift) || errors.Is(err, ErrNotReserved), err)
		return
	}
	require.True(t, highest(n.issued).Less(s), "%v after %v", s, highest(n.issued))
	require.True(t, highest(n.past).Less(s), "%v after %v", s, highest(n.past))
	require.LessOrEqual(t, s.Ms, n.durable)
	require.LessOrEqual(t, s.Ms, n.wallMs+testClock.CapMs)
	require.GreaterOrEqual(t, s.Ms, n.wallMs)
	n.issued = append(slices.Clone(n.issued), s)
	n.past = append(slices.Clone(n.past), s)
}

func receiveChecked(t *rapid.T, n *clockNode, s Stamp) {
	err := n.clock.Update(s, n.wallMs)
	if s.Ms > n.wallMs+testClock.CapMs {
		require.ErrorIs(t, err, ErrDrift)
		return
	}
	require.NoError(t, err)
	n.past = append(slices.Clone(n.past), s)
}

// The clock of the paper without restarts and caps: the highest of the past
// decides, as figure 5 says.
func TestClockIsThePapers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewClock(ClockConfig{CapMs: MaxMs, ReserveMs: 1, Node: 3})
		c.Reserved(MaxMs)
		var last Stamp
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			wall := rapid.Int64Range(1, 20).Draw(t, "wall")
			if rapid.Bool().Draw(t, "receive") {
				s := Stamp{
					Ms:      rapid.Int64Range(0, 20).Draw(t, "ms"),
					Logical: rapid.Uint32Range(0, 5).Draw(t, "logical"),
					Node:    kv.NodeID(rapid.IntRange(1, 5).Draw(t, "from")),
				}
				require.NoError(t, c.Update(s, wall))
				if last.Less(s) {
					last = s
				}
				continue
			}
			s, err := c.Now(wall)
			require.NoError(t, err)
			want := Stamp{Ms: max(last.Ms, wall), Node: 3}
			if want.Ms == last.Ms {
				want.Logical = last.Logical + 1
			}
			require.Equal(t, want, s)
			last = s
		}
	})
}

func TestClockCountsOverWhenLogicalIsUsedUp(t *testing.T) {
	c := newClock(1)
	c.Reserved(1000)
	require.NoError(t, c.Update(Stamp{Ms: 100, Logical: 1<<32 - 1, Node: 2}, 100))
	s, err := c.Now(90)
	require.NoError(t, err)
	require.Equal(t, Stamp{Ms: 101, Node: 1}, s)
}

func TestClockReservesBeforeTheMarkIsReached(t *testing.T) {
	c := newClock(1)
	_, err := c.Now(1000)
	require.ErrorIs(t, err, ErrNotReserved)
	mark, ok := c.Reserve(1000)
	require.True(t, ok)
	require.Equal(t, int64(1050), mark)
	_, ok = c.Reserve(1020)
	require.False(t, ok, "half of it is left")
	c.Reserved(mark)
	_, err = c.Now(1050)
	require.NoError(t, err)
	_, err = c.Now(1051)
	require.ErrorIs(t, err, ErrNotReserved)
	_, ok = c.Reserve(1025)
	require.False(t, ok, "Now would refuse")
	_, ok = c.Reserve(1040)
	require.True(t, ok)
}

func TestClockAfterACrashWaitsForTheWall(t *testing.T) {
	c := newClock(1)
	c.Restore(1050)
	c.Restore(1020) // a checkpoint's, repeated by the log
	c.Reserved(2000)
	_, err := c.Now(1030)
	require.ErrorIs(t, err, ErrDrift)
	s, err := c.Now(1031)
	require.NoError(t, err)
	require.Equal(t, Stamp{Ms: 1051, Node: 1}, s)
}

func TestSkewedIsFarFromTheMedian(t *testing.T) {
	require.False(t, Skewed(0, nil, 5))
	require.False(t, Skewed(0, []int64{100}, 5), "of two clocks either may be wrong")
	require.True(t, Skewed(0, []int64{100, 101}, 5))
	require.True(t, Skewed(200, []int64{101, 100}, 5))
	require.False(t, Skewed(100, []int64{101, 100000}, 5), "the other is wrong")
	rapid.Check(t, func(t *rapid.T) {
		peers := rapid.SliceOfN(rapid.Int64Range(0, 100), 2, 7).Draw(t, "peers")
		own, limit := rapid.Int64Range(0, 100).Draw(t, "own"), rapid.Int64Range(0, 50).Draw(t, "cap")
		all := append(slices.Clone(peers), own)
		slices.Sort(all)
		// The nearer of the middle readings decides.
		low, high := all[(len(all)-1)/2], all[len(all)/2]
		want := min(max(own-low, low-own), max(own-high, high-own)) > limit
		require.Equal(t, want, Skewed(own, peers, limit))
	})
}

// A node that crashes right after a mark stamps writes at once.
func TestARestartedClockGoesOnAtOnce(t *testing.T) {
	for _, capMs := range []int64{200, 500, 60_000} {
		const wall = 1_000_000
		cfg := ClockConfig{Node: 1, CapMs: capMs}
		marks, last := []int64{}, Stamp{}
		for range 2 {
			c := NewClock(cfg)
			for _, m := range marks {
				c.Restore(m)
			}
			mark, ok := c.Reserve(wall)
			require.True(t, ok)
			c.Reserved(mark)
			marks = append(marks, mark)
			s, err := c.Now(wall)
			require.NoError(t, err)
			require.True(t, last.Less(s))
			last = s
		}
	}
}

// Under a lazy sync policy the mark that stamps rest on is on the disk, as long as writes go on.
func TestMarksAreOnTheDiskBeforeTheyAreUsed(t *testing.T) {
	const syncMs, fsyncMs = 1000, 200
	c := NewClock(ClockConfig{Node: 1, SyncMs: syncMs})
	mark, _ := c.Reserve(0)
	c.Reserved(mark)
	synced, due := mark, map[int64]int64{} // marks, by when they are on the disk
	for wall := int64(0); wall < 20_000; wall += 5 {
		if m, ok := due[wall]; ok {
			synced = max(synced, m)
		}
		if m, ok := c.Reserve(wall); ok {
			c.Reserved(m) // counts at once
			due[wall+syncMs+fsyncMs] = m
		}
		s, err := c.Now(wall)
		require.NoError(t, err)
		require.LessOrEqual(t, s.Ms, synced)
	}
	require.Greater(t, synced, int64(15_000))
}

func TestRestartsInQuickSuccessionDoNotPushTheClockAway(t *testing.T) {
	const wall, reserve = 1_000_000, 4000
	marks := []int64{}
	for range 5 { // the log of a node that keeps crashing
		c := NewClock(ClockConfig{Node: 1, ReserveMs: reserve})
		for _, m := range marks {
			c.Restore(m)
		}
		if m, ok := c.Reserve(wall); ok {
			marks = append(marks, m)
		}
	}
	require.Equal(t, []int64{wall + reserve}, marks)
}
