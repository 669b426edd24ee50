package causalhist

import (
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

// script builds a history one operation after the other, 10 units of time apart.
type script struct{ h []Op }

func (s *script) op(o Op) int {
	o.Call = int64(len(s.h)) * 10
	o.Return = o.Call + 5
	if o.Outcome == 0 {
		o.Outcome = OK
	}
	if o.Node == 0 {
		o.Node = 1
	}
	s.h = append(s.h, o)
	return len(s.h) - 1
}

func (s *script) set(value string, context int) int {
	return s.op(Op{Kind: Set, Value: value, Context: context})
}

func (s *script) get(saw ...string) int { return s.op(Op{Kind: Get, Saw: saw, Whole: true}) }

func (s *script) final(saw ...string) int {
	return s.op(Op{Kind: Get, Saw: saw, Whole: true, Final: true, Client: 9})
}

func checks(h []Op, r Rules) []string {
	var names []string
	for _, f := range Judge(h, r) {
		names = append(names, f.Check)
	}
	return names
}

var siblings = Rules{Policy: kv.Siblings, N: 3}

func TestSiblingsStayUntilSeen(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	s.set("b", 0)
	r := s.get("a", "b")
	s.set("c", r+1) // merges both
	s.set("d", 0)
	s.final("c", "d")
	require.Empty(t, checks(s.h, siblings))
}

func TestASiblingDroppedWithoutAReasonIsALostWrite(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	r := s.get("a")
	s.set("b", 0)
	s.op(Op{Kind: Set, Value: "c", Context: r + 1, Client: 1}) // has not seen b
	s.final("c")
	require.Contains(t, checks(s.h, siblings), LostWrite)
	require.Equal(t, Counts{Reads: 2, Stale: 1, Writes: 3, Lost: 1, Updates: 1, NonMonotonic: 0}, Count(s.h, siblings), "c came after b, but a write that has not seen a sibling does not replace it")
}

func TestAWriteOfUnknownOutcomeMayHaveReplacedAValue(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	r := s.get("a")
	s.op(Op{Kind: Set, Value: "b", Context: r + 1, Outcome: Unknown})
	s.final("b")
	require.Empty(t, checks(s.h, siblings))
	s.h[3].Saw = []string{"a"}
	require.Empty(t, checks(s.h, siblings), "it may also not have happened")
	s.h[3].Saw = nil
	require.Contains(t, checks(s.h, siblings), LostWrite, "but something must be there")
	s.h[2].Kind, s.h[2].Value = Delete, ""
	require.Empty(t, checks(s.h, siblings), "after a delete nothing need be there")
	s.h[2].Outcome = Failed
	require.Contains(t, checks(s.h, siblings), LostWrite)
}

func TestAReplacedValueThatComesBackIsResurrected(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	r := s.get("a")
	s.set("b", r+1)
	s.final("a", "b")
	require.Equal(t, []string{Resurrected}, checks(s.h, siblings))
	s = &script{}
	s.set("a", 0)
	r = s.get("a")
	s.op(Op{Kind: Delete, Context: r + 1})
	s.final("a")
	require.Contains(t, checks(s.h, siblings), Resurrected)
}

func TestWhatNobodyWroteIsMadeUp(t *testing.T) {
	s := &script{}
	s.get("a")
	s.set("a", 0)
	require.Equal(t, []string{MadeUp}, checks(s.h, siblings))
	s = &script{}
	s.op(Op{Kind: Set, Value: "a", Outcome: Failed})
	s.final("a")
	require.Equal(t, []string{MadeUp}, checks(s.h, siblings))
}

func TestQuorumsThatMeetKnowOfWrites(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	s.get()
	require.Empty(t, checks(s.h, siblings), "quorums of which nothing is known promise nothing")
	s.h[0].Quorum, s.h[1].Quorum = 2, 1
	require.Empty(t, checks(s.h, siblings))
	s.h[1].Quorum = 2
	require.Equal(t, []string{ReadYourWrites}, checks(s.h, siblings))
	s.h[1].Client = 7
	require.Equal(t, []string{StaleRead}, checks(s.h, siblings))
	s.h[1].Saw = []string{"a"}
	require.Empty(t, checks(s.h, siblings))
}

// Majorities of one zone meet in it, however many replicas others have.
func TestQuorumsOfAZoneMeetInIt(t *testing.T) {
	for _, k := range []struct {
		write, read int
		met         bool
	}{{1, 1, true}, {1, 2, false}, {EachZone, 2, true}, {2, EachZone, true}, {EachZone, EachZone, true}, {0, 1, false}} {
		s := &script{}
		s.set("a", 0)
		s.get()
		s.h[0].Quorum, s.h[1].Quorum, s.h[0].Zone, s.h[1].Zone = 1, 1, k.write, k.read
		require.Equal(t, k.met, len(checks(s.h, siblings)) > 0, "%+v", k)
		moving := siblings
		moving.Moving = true
		require.Empty(t, checks(s.h, moving), "N has changed")
		s.h[1].Quorum = 0
		require.Empty(t, checks(s.h, siblings), "others may have stood in")
	}
}

func TestReadsWithWriteBackDoNotGoBack(t *testing.T) {
	s := &script{}
	s.op(Op{Kind: Set, Value: "a", Client: 2})
	s.op(Op{Kind: Get, Saw: []string{"a"}, Quorum: 2})
	s.op(Op{Kind: Get, Quorum: 2})
	require.Empty(t, checks(s.h, siblings))
	rules := siblings
	rules.WriteBack = true
	require.Equal(t, []string{MonotonicReads}, checks(s.h, rules))
	require.Equal(t, 1, Count(s.h, siblings).NonMonotonic)
	require.Equal(t, 1, Count(s.h, siblings).Stale)
}

func lww(s *script, o Op, ms int64) int {
	o.Kind, o.Stamp = Set, Stamp{Ms: ms, Node: max(o.Node, 1)}
	return s.op(o)
}

var newest = Rules{Policy: kv.LWW}

func TestTheHighestStampWins(t *testing.T) {
	s := &script{}
	lww(s, Op{Value: "a", Node: 2}, 7)
	lww(s, Op{Value: "b"}, 5)
	s.final("a")
	require.Empty(t, checks(s.h, newest), "b has the lower stamp")
	s.h[2].Saw = []string{"b"}
	require.Equal(t, []string{LostWrite}, checks(s.h, newest))
	s.h[2].Saw = nil
	require.Equal(t, []string{LostWrite}, checks(s.h, newest))
	s.h[1].Kind, s.h[1].Value = Delete, ""
	require.Equal(t, []string{LostWrite}, checks(s.h, newest), "the delete loses too")
	s.h[1].Stamp.Ms = 9
	require.Empty(t, checks(s.h, newest))
}

func TestStampsFollowCausality(t *testing.T) {
	for name, build := range map[string]func(*script){
		"a node's clock goes back": func(s *script) {
			lww(s, Op{Value: "a"}, 7)
			lww(s, Op{Value: "b", Boot: 1}, 5)
		},
		"a stamp is used twice": func(s *script) {
			lww(s, Op{Value: "a"}, 7)
			lww(s, Op{Value: "b"}, 7)
		},
		"a context is ignored": func(s *script) {
			lww(s, Op{Value: "a", Node: 2}, 7)
			s.op(Op{Kind: Get, Node: 2, Saw: []string{"a"}})
			lww(s, Op{Value: "b", Context: 2}, 5)
		},
		"what a coordinator has shown is ignored": func(s *script) {
			lww(s, Op{Value: "a", Node: 2}, 7)
			s.op(Op{Kind: Get, Saw: []string{"a"}})
			lww(s, Op{Value: "b"}, 5)
		},
	} {
		s := &script{}
		build(s)
		require.Equal(t, []string{StampOrder}, checks(s.h, newest), name)
	}
	s := &script{}
	lww(s, Op{Value: "a", Node: 2}, 7)
	s.op(Op{Kind: Get, Saw: []string{"a"}, Boot: 1})
	lww(s, Op{Value: "b", Boot: 2}, 5)
	require.Empty(t, checks(s.h, newest), "a new boot has forgotten what the one before was shown")
}

// A read may tell the stamp of what it showed: then a delete that nobody was told
// of explains an absent value no longer than its stamp does.
func TestWhatAReadTellsOfItsStamp(t *testing.T) {
	s := &script{}
	lww(s, Op{Value: "a"}, 7)
	s.op(Op{Kind: Delete, Outcome: Unknown})
	s.final()
	require.Empty(t, checks(s.h, newest), "of the delete no stamp is known")
	s.h[2].Stamp = Stamp{Ms: 9, Node: 1}
	require.Empty(t, checks(s.h, newest))
	s.h[2].Stamp.Ms = 5
	require.Equal(t, []string{LostWrite}, checks(s.h, newest), "the delete that it shows was below the write")
	s.h[2].Saw, s.h[2].Stamp = []string{"a"}, Stamp{Ms: 7, Node: 1}
	require.Empty(t, checks(s.h, newest))
	s.h[2].Stamp.Logical = 1
	require.Equal(t, []string{StampOrder}, checks(s.h, newest), "a value keeps its stamp")
}

func TestCountersAreTheSumOfTheirIncrements(t *testing.T) {
	rules := Rules{Policy: kv.Counters, Unit: 1}
	base := func(final int64) []Op {
		s := &script{}
		s.op(Op{Kind: Incr, Delta: 256, Sum: 256})
		s.op(Op{Kind: Incr, Delta: 512, Outcome: Unknown})
		s.op(Op{Kind: Incr, Delta: 1, Sum: 257})
		s.op(Op{Kind: Incr, Delta: 1024, Outcome: Failed})
		s.op(Op{Kind: Get, Final: true, Sum: final})
		return s.h
	}
	require.Empty(t, checks(base(257), rules))
	require.Empty(t, checks(base(769), rules))
	for _, wrong := range []int64{0, 256, 513, 1281, 258, -257} {
		require.Equal(t, []string{WrongSum}, checks(base(wrong), rules), "%d", wrong)
	}
	require.Equal(t, 1, Count(base(513), rules).Lost)
}

func TestLossyBucketsMayLoseButNotMakeUp(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	s.final()
	require.Empty(t, checks(s.h, Rules{Policy: kv.Siblings, Lossy: true}))
	s.h[1].Saw = []string{"z"}
	require.Equal(t, []string{MadeUp}, checks(s.h, Rules{Policy: kv.Siblings, Lossy: true}))
}

func TestALostUpdateIsCounted(t *testing.T) {
	s := &script{}
	lww(s, Op{Value: "a"}, 1)
	s.get("a")
	lww(s, Op{Value: "b", Context: 2}, 2)
	lww(s, Op{Value: "c", Context: 2, Node: 2}, 3)
	s.final("c")
	c := Count(s.h, newest)
	require.Equal(t, 2, c.Updates)
	require.Equal(t, 1, c.LostUpdates)
	require.Equal(t, 0, c.Lost)
}
