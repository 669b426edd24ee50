package node

import (
	"testing"
	"time"

	"github.com/anthdm/hollywood/actor"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

func TestMailboxIsBounded(t *testing.T) {
	m := newMailbox(3, 100)
	e := []actors.Envelope{*beat(1)}
	require.True(t, m.push(e, 1000, false), "one message is taken however large")
	require.False(t, m.push(e, 1, false), "bytes")
	require.True(t, m.push(e, 1000, true), "the node's own are always taken")
	require.Len(t, m.drain(nil), 2)
	for range 3 {
		require.True(t, m.push(e, 1, false))
	}
	require.False(t, m.push(e, 1, false), "messages")
	require.EqualValues(t, 2, m.refused.Load())
	require.Equal(t, 3, m.depth())
	select {
	case <-m.wake:
	default:
		t.Fatal("nobody was woken")
	}
}

// The timers of a lane against a map from name to deadline.
func TestTimersAgreeWithAMap(t *testing.T) {
	type name struct {
		actor actors.Address
		id    actors.TimerID
	}
	rapid.Check(t, func(t *rapid.T) {
		var ts timers
		twin := map[name]int64{}
		now := int64(1)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			n := name{actors.Address{Node: 1, Kind: actors.Kind(rapid.IntRange(1, 3).Draw(t, "kind"))}, actors.TimerID(rapid.IntRange(1, 3).Draw(t, "id"))}
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				at := now + rapid.Int64Range(0, 20).Draw(t, "at")
				ts.apply(actors.TimerChange{AtNs: at, Actor: n.actor, ID: n.id})
				twin[n] = at
			case 1:
				ts.apply(actors.TimerChange{Actor: n.actor, ID: n.id})
				delete(twin, n)
			case 2:
				now += rapid.Int64Range(0, 10).Draw(t, "pass")
				for _, e := range ts.due(now, nil) {
					got := name{e.To, e.Message.(actors.Timer).ID}
					require.LessOrEqual(t, twin[got], now)
					require.Contains(t, twin, got)
					delete(twin, got)
				}
				for _, at := range twin {
					require.Greater(t, at, now)
				}
			}
			first := int64(0)
			for _, at := range twin {
				if first == 0 || at < first {
					first = at
				}
			}
			require.Equal(t, first, ts.next())
		}
	})
}

func newCall() *call { return &call{ready: make(chan struct{}, 1)} }

func TestCallMatchesAnswersById(t *testing.T) {
	c := newCall()
	first := c.begin(2, 1)
	a, b := &msg.Results{ID: first}, &msg.Results{ID: first + 1}
	require.True(t, c.deliver(b))
	require.False(t, c.deliver(b), "twice")
	require.False(t, c.deliver(&msg.Results{ID: first + 2}), "no such part")
	require.False(t, c.deliver(&msg.Results{ID: first - 1<<partBits}), "an earlier call")
	require.False(t, c.deliver(&msg.Ping{}), "not an answer")
	require.True(t, c.deliver(a))
	require.Equal(t, []actors.Message{a, b}, c.wait())
	require.False(t, c.deliver(a), "the call is over")

	second := c.begin(1, 5)
	require.False(t, c.deliver(a), "an answer to the call before")
	c.giveUp(4)
	require.Empty(t, c.ready, "not overdue yet")
	c.giveUp(5)
	require.Equal(t, []actors.Message{nil}, c.wait())
	require.False(t, c.deliver(&msg.Results{ID: second}), "given up")
	c.giveUp(0)
	require.Empty(t, c.ready, "a token would end the next call")

	c.refused(c.begin(1, 5))
	require.Equal(t, []actors.Message{noAnswer{}}, c.wait())
}

func TestDoAnswersBadOperationsItself(t *testing.T) {
	c := newCluster(t, 1, func(_ int, c *Config) { c.Limits.KeyBytes, c.Limits.ValueBytes = 10, 20 }).startAll()
	s := c.nodes[0].NewSession()
	defer s.Close()
	res := s.Do([]msg.Op{
		set("a", "1"), set("key-too-long", "1"), set("b", "a value of over twenty bytes"), get(""),
		{Op: kv.Op{Kind: 99, Key: []byte("c")}}, get("a"),
	})
	var got []kv.Status
	for _, r := range res {
		got = append(got, r.Status)
	}
	require.Equal(t, []kv.Status{kv.OK, kv.TooLarge, kv.TooLarge, kv.BadRequest, kv.BadRequest, kv.OK}, got)
	require.Equal(t, "1", string(res[5].Data))
	require.Empty(t, s.Do(nil))
	stats := c.nodes[0].Stats()
	require.EqualValues(t, 2, stats.Outcomes[kv.TooLarge.String()])
	require.EqualValues(t, 1, stats.Ops["invalid"])
	require.EqualValues(t, 2, stats.Keys, "a, and ready")
}

// The bytes of a Do belong to the caller again when it returns.
func TestDoCopies(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	s := c.nodes[0].NewSession()
	defer s.Close()
	buf := []byte("k1v1")
	for i := byte('1'); i <= '9'; i++ {
		buf[1], buf[3] = i, i
		s.Do([]msg.Op{{Op: kv.Op{Kind: kv.OpSet, Key: buf[:2], Value: buf[2:]}}})
	}
	for i := byte('1'); i <= '9'; i++ {
		require.Equal(t, "v"+string(i), string(do(t, c.nodes[0], get("k"+string(i)))[0].Data))
	}
}

func TestDoSplitsWhatIsLarge(t *testing.T) {
	c := newCluster(t, 3, nil).startAll()
	value := string(make([]byte, 1<<20))
	var ops []msg.Op
	for i := range 10 {
		ops = append(ops, set(key(i%3), value[:len(value)-i]))
	}
	ops = append(ops, get(key(0)), get(key(1)), get(key(2)))
	res := do(t, c.nodes[1], ops...)
	require.Len(t, res[10].Data, len(value)-9)
	require.Len(t, res[11].Data, len(value)-7)
	require.Len(t, res[12].Data, len(value)-8)
}

func TestSessionsAreBounded(t *testing.T) {
	c := newCluster(t, 1, func(_ int, c *Config) { c.Limits.Sessions = 2 }).startAll()
	n := c.nodes[0]
	a, b := n.NewSession(), n.NewSession()
	x := n.NewSession()
	require.Equal(t, kv.Busy, x.Do([]msg.Op{get("a")})[0].Status)
	x.Close()
	b.Close()
	b.Close()
	x = n.NewSession()
	require.Equal(t, kv.NotFound, x.Do([]msg.Op{get("a")})[0].Status)
	x.Close()
	a.Close()
}

// Without a majority nothing is done, and each caller hears it before its patience ends.
func TestDoEndsWithoutAMajority(t *testing.T) {
	c := newCluster(t, 3, func(_ int, c *Config) { c.Timing.Request = 300 * time.Millisecond })
	c.start(0)
	s := c.nodes[0].NewSession()
	defer s.Close()
	begin := time.Now()
	res := s.Do([]msg.Op{set("a", "1"), get("a")})
	require.Contains(t, []kv.Status{kv.Unavailable, kv.Unknown}, res[0].Status)
	require.Equal(t, kv.Unavailable, res[1].Status)
	require.Less(t, time.Since(begin), 5*time.Second)
	ready, why := c.nodes[0].Ready()
	require.False(t, ready)
	require.Contains(t, why, "2 are needed")
}

func TestDeadLettersAreCounted(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.start(0)
	n := c.nodes[0]
	n.engine.Send(actor.NewPID(n.engine.Address(), "nobody"), &batch{})
	eventually(t, func() bool { return n.deadCount.Load() == 1 })
	n.router.send(0, &batch{})
	n.engine.Send(actor.NewPID("n9", "node"), &batch{})
	require.EqualValues(t, 1, n.transport.lost.Load())
	require.EqualValues(t, 1, n.deadCount.Load())
}

// Operations under way when the node closes end too.
func TestCloseEndsWaitingSessions(t *testing.T) {
	c := newCluster(t, 3, nil)
	c.start(0) // no majority
	n := c.nodes[0]
	result := make(chan kv.Status)
	go func() {
		s := n.NewSession()
		defer s.Close()
		result <- s.Do([]msg.Op{set("a", "1")})[0].Status
	}()
	eventually(t, func() bool {
		return n.lanes[0].messages.Load()+n.lanes[1].messages.Load() > 0 && n.edge.open.Load() > 0
	})
	c.close(0)
	require.Contains(t, []kv.Status{kv.Unknown, kv.Unavailable}, <-result)
	s := n.NewSession()
	require.Equal(t, kv.Unavailable, s.Do([]msg.Op{set("a", "1")})[0].Status)
	s.Close()
}
