package msg

import "github.com/quoratedb/quorate/actors/kv"

// The encoding of the messages of gossip.go, field by field.

// minUpdate is the least number of bytes that an update takes.
const minUpdate = 6

func (w *writer) gossip(g *Gossip) {
	w.uvarint(uint64(g.Inc))
	w.uvarint(uint64(g.GossipInc))
	w.uvarint(g.Seq)
	w.uvarint(uint64(g.Epoch))
	w.uvarint(uint64(g.Load))
	w.uvarint(uint64(len(g.Updates)))
	for i := range g.Updates {
		w.update(&g.Updates[i])
	}
}

func (r *reader) gossip(g *Gossip) {
	g.Inc = kv.Incarnation(r.Uint32())
	g.GossipInc = r.Uint32()
	g.Seq = r.Uvarint()
	g.Epoch = kv.Epoch(r.Uint32())
	g.Load = r.Uint32()
	g.Updates = list[Update](r.Count(minUpdate))
	for i := range g.Updates {
		r.update(&g.Updates[i])
	}
}

func (w *writer) update(u *Update) {
	if u.State < Alive || u.State > Dead {
		panic("msg: an update of a state that nobody has")
	}
	w.uvarint(uint64(u.Node))
	w.uvarint(uint64(u.Inc))
	w.uvarint(uint64(u.GossipInc))
	w.byte(byte(u.State))
	w.uvarint(uint64(u.Load))
	w.uvarint(u.LoadSeq)
}

func (r *reader) update(u *Update) {
	u.Node = kv.NodeID(r.Uint16())
	u.Inc = kv.Incarnation(r.Uint32())
	u.GossipInc = r.Uint32()
	u.State = MemberState(r.Byte())
	if u.State < Alive || u.State > Dead {
		r.Fail("a member's state that there is not")
	}
	u.Load = r.Uint32()
	u.LoadSeq = r.Uvarint()
}

func (m *Ping) encode(w *writer) {
	w.gossip(&m.Gossip)
	w.uvarint(uint64(m.Relay))
	w.uvarint(m.RelaySeq)
	w.bool(m.Sync)
	w.bool(m.Hears)
}

func (m *Ping) decode(r *reader) {
	r.gossip(&m.Gossip)
	m.Relay = kv.NodeID(r.Uint16())
	m.RelaySeq = r.Uvarint()
	m.Sync = r.Bool()
	m.Hears = r.Bool()
}

func (m *PingReq) encode(w *writer) {
	w.gossip(&m.Gossip)
	w.uvarint(uint64(m.Target))
	w.uvarint(m.Of)
}

func (m *PingReq) decode(r *reader) {
	r.gossip(&m.Gossip)
	m.Target = kv.NodeID(r.Uint16())
	m.Of = r.Uvarint()
}

func (m *Ack) encode(w *writer) {
	w.gossip(&m.Gossip)
	w.uvarint(m.Of)
	w.uvarint(uint64(m.About))
	w.uvarint(uint64(m.AboutInc))
	w.uvarint(uint64(m.Relay))
	w.uvarint(m.RelaySeq)
}

func (m *Ack) decode(r *reader) {
	r.gossip(&m.Gossip)
	m.Of = r.Uvarint()
	m.About = kv.NodeID(r.Uint16())
	m.AboutInc = kv.Incarnation(r.Uint32())
	m.Relay = kv.NodeID(r.Uint16())
	m.RelaySeq = r.Uvarint()
}
