package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

// guests is a gate with sessions, and what a test needs to wait for them.
type guests struct {
	door.Gate
	rung     chan struct{}
	sessions map[any]door.GateSession
}

func newGuests(n *Node, count int) *guests {
	g := &guests{rung: make(chan struct{}, 1), sessions: map[any]door.GateSession{}}
	g.Gate = n.NewGate(func() {
		select {
		case g.rung <- struct{}{}:
		default:
		}
	})
	for i := range count {
		g.sessions[i] = g.Open(i)
	}
	return g
}

func (g *guests) close() {
	for _, s := range g.sessions {
		s.Close()
	}
}

// await returns the owners of the next count sessions that finish.
func (g *guests) await(t *testing.T, count int) (owners []any) {
	deadline := time.After(20 * time.Second)
	for {
		owners = append(owners, g.Finished()...)
		if len(owners) >= count {
			require.Len(t, owners, count)
			return owners
		}
		if g.Pending() {
			continue
		}
		select {
		case <-g.rung:
		case <-deadline:
			t.Fatalf("%d of %d finished", len(owners), count)
		}
	}
}

func TestGateAnswersEachSession(t *testing.T) {
	c := newCluster(t, 3, func(_ int, c *Config) { c.Lanes, c.Limits.BatchOps = 4, 8 }).startAll()
	for !ready(c.nodes[0]) {
	}
	const count = 300 // more than gateMessages
	g := newGuests(c.nodes[0], count)
	defer g.close()
	for i, s := range g.sessions {
		s.Start(kv.DefaultBucket, []msg.Op{set(fmt.Sprint("k", i), fmt.Sprint(i)), get(fmt.Sprint("k", i)), get("")})
	}
	g.Flush()
	for _, o := range g.await(t, count) {
		r := g.sessions[o].Results()
		require.Len(t, r, 3)
		require.Equal(t, fmt.Sprint(o), string(r[1].Data))
		require.Equal(t, kv.BadRequest, r[2].Status)
	}
	// More operations than go at a time, and nothing that goes anywhere.
	many := make([]msg.Op, 50)
	for i := range many {
		many[i] = get(fmt.Sprint("k", i))
	}
	g.sessions[0].Start(kv.DefaultBucket, many)
	g.sessions[1].Start("no such bucket", many)
	g.sessions[2].Start(kv.DefaultBucket, []msg.Op{get(strings.Repeat("k", 1<<20))})
	g.Flush()
	g.await(t, 3)
	for i, r := range g.sessions[0].Results() {
		require.Equal(t, fmt.Sprint(i), string(r.Data))
	}
	require.Len(t, g.sessions[1].Results(), len(many))
	require.Equal(t, kv.BadRequest, g.sessions[1].Results()[49].Status)
	require.Equal(t, kv.TooLarge, g.sessions[2].Results()[0].Status)
}

// TestGateOverload: what a lane has no room for is refused, and only that.
func TestGateOverload(t *testing.T) {
	c := newCluster(t, 1, func(_ int, c *Config) { c.Lanes, c.Limits.MailboxMessages = 1, gateMessages+1 }).startAll()
	for !ready(c.nodes[0]) {
	}
	// The lane is held up until everything is started.
	release := make(chan struct{})
	held := make(chan struct{})
	c.nodes[0].lanes[0].ask(func() { close(held); <-release })
	<-held
	g := newGuests(c.nodes[0], 2*gateMessages)
	defer g.close()
	for i := range 2 * gateMessages {
		g.sessions[i].Start(kv.DefaultBucket, []msg.Op{set("k", "v")})
	}
	g.Flush()
	busy := map[any]bool{}
	for _, o := range g.await(t, gateMessages) {
		busy[o] = g.sessions[o].Results()[0].Status == kv.Busy
		require.True(t, busy[o])
	}
	close(release)
	for _, o := range g.await(t, gateMessages) {
		require.False(t, busy[o], "twice")
		require.Equal(t, kv.OK, g.sessions[o].Results()[0].Status)
	}
}

// TestGateOfAClosedNode: nobody waits for a node that is gone.
func TestGateOfAClosedNode(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	n := c.nodes[0]
	for !ready(n) {
	}
	g := newGuests(n, 2)
	defer g.close()
	g.sessions[0].Start(kv.DefaultBucket, []msg.Op{set("k", "v")}) // not sent before the end
	require.NoError(t, n.Close())
	g.sessions[1].Start(kv.DefaultBucket, []msg.Op{set("k", "v")})
	g.Flush()
	g.await(t, 2)
	require.Equal(t, kv.Unknown, g.sessions[0].Results()[0].Status)
	require.Equal(t, kv.Unavailable, g.sessions[1].Results()[0].Status)
}
