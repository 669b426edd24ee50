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
}

// newMesh puts links between the nodes of a cluster that has not started, and
// tells the nodes to use them.
func newMesh(c *cluster, seed uint64) (*mesh, error) {
	m := &mesh{nodes: len(c.members), links: map[way]*netfault.Link{}}
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

// impose sets the state of every link.
func (m *mesh) impose(state func(way) netfault.State) {
	for w, l := range m.links {
		l.Set(state(w))
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
