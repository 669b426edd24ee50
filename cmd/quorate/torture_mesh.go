package main

import (
	"time"

	"github.com/quoratedb/quorate/cmd/quorate/netfault"
)

// way is the one-way connection that a node makes to another. Node ids count from 1.
type way struct{ from, to int }

// mesh is the network between the nodes of a cluster: one link per ordered
// pair, so that each direction can fail alone.
type mesh struct {
	nodes int
	links map[way]*netfault.Link
	whole map[way]netfault.State // how a link is without faults, if not perfect
}

// newMesh puts links between the nodes of a cluster that has not started, and
// tells the nodes to use them. Links that whole does not name are good ones.
func newMesh(c *cluster, whole map[way]netfault.State, seed uint64) (*mesh, error) {
	m := &mesh{nodes: len(c.members), links: map[way]*netfault.Link{}, whole: whole}
	for _, from := range c.members {
		for _, to := range c.members {
			if from == to {
				continue
			}
			w := way{from.id, to.id}
			link, err := netfault.Listen(to.peer, seed^uint64(w.from<<8|w.to))
			if err != nil {
				m.close()
				return nil, err
			}
			link.Set(m.whole[w])
			m.links[w] = link
		}
	}
	c.route = func(from, to int) string { return m.links[way{from, to}].Addr() }
	if err := c.writeConfigs(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *mesh) close() {
	for _, l := range m.links {
		l.Close()
	}
}

// impose sets the state of every link. Where it is good the link is as it is
// without faults.
func (m *mesh) impose(state func(way) netfault.State) {
	for w, l := range m.links {
		s := state(w)
		if s == (netfault.State{}) {
			s = m.whole[w]
		}
		l.Set(s)
	}
}

// heal makes every link good.
func (m *mesh) heal() { m.impose(func(way) netfault.State { return netfault.State{} }) }

// harmed counts what the faults had an effect on, since the start.
func (m *mesh) harmed() (n uint64) {
	for _, l := range m.links {
		n += l.Harmed()
	}
	return n
}

// cutStyle is how a link is cut.
type cutStyle struct {
	name  string
	state netfault.State
}

// cutStyles are the ways in which networks fail: packets are dropped for so
// short a time that the connections live on, or for so long that they end, or a
// firewall answers.
var cutStyles = []cutStyle{
	{"held", netfault.State{Out: netfault.Conditions{Held: true}}},
	{"swallowed", netfault.State{Out: netfault.Conditions{Swallowed: true}}},
	{"refused", netfault.State{Refused: true}},
}

// cutting gives the ways in a set the style's state, and leaves the others good.
func cutting(style cutStyle, cut func(way) bool) func(way) netfault.State {
	return func(w way) netfault.State {
		if cut(w) {
			return style.state
		}
		return netfault.State{}
	}
}

// slowed is a link that takes longer, by up to twice the delay.
func slowed(delay time.Duration) netfault.State {
	c := netfault.Conditions{Delay: delay, Jitter: delay}
	return netfault.State{Out: c, Back: c}
}

// apart puts the nodes into three zones in turn, between which the way is long:
// 5 ms between neighbours, 15 ms between the first and the last, half as much jitter.
func apart(c *cluster) map[way]netfault.State {
	const zones = 3
	between := [zones]time.Duration{0, 5 * time.Millisecond, 15 * time.Millisecond} // by distance
	whole := map[way]netfault.State{}
	for _, from := range c.members {
		for _, to := range c.members {
			distance := (from.id % zones) - (to.id % zones)
			delay := between[max(distance, -distance)]
			far := netfault.Conditions{Delay: delay, Jitter: delay / 2}
			whole[way{from.id, to.id}] = netfault.State{Out: far, Back: far}
		}
	}
	return whole
}
