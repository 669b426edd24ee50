package msg

import "github.com/quoratedb/quorate/actors/kv"

// MemberState is what gossip says of a member. The numbers are their order at
// equal incarnations: the worse news wins.
type MemberState uint8

// The states of a member.
const (
	Unheard MemberState = iota // nothing is known; never sent
	Alive
	Suspect // silent to somebody, and not yet given up
	Dead
)

func (s MemberState) String() string {
	switch s {
	case Unheard:
		return "unheard"
	case Alive:
		return "alive"
	case Suspect:
		return "suspect"
	case Dead:
		return "dead"
	}
	return "invalid"
}

// Update is one piece of gossip. Of two about the same node the one with the
// greater (Inc, GossipInc, State) holds, so merging is a maximum: order and
// repetition don't matter.
type Update struct {
	Node      kv.NodeID
	Inc       kv.Incarnation // the boot that it is about
	GossipInc uint32         // raised by that boot alone, to refute
	State     MemberState
	Load      uint32 // open operations, as the node last said
	LoadSeq   uint64 // Gossip.Seq of the message in which it said so: the newer counts
}

// Gossip is in every message between detectors: what the sender says of itself,
// and what it passes on.
type Gossip struct {
	Inc       kv.Incarnation
	GossipInc uint32
	Seq       uint64   // counts the messages of this boot, so that a late duplicate proves nothing
	Epoch     kv.Epoch // the newest one heard of
	Load      uint32
	Updates   []Update
}

// Ping asks for an Ack. With Relay set it was asked for by that node's PingReq,
// and the Ack says so.
type Ping struct {
	Gossip
	Relay    kv.NodeID
	RelaySeq uint64 // Seq of the ping that stayed unanswered
	Sync     bool   // the sender has just started: let the Ack tell all that is known
	Hears    bool   // the sender has heard the receiver a moment ago
}

// PingReq asks for a Ping of Target in the sender's name, whose own ping, Of,
// was not answered in time.
type PingReq struct {
	Gossip
	Target kv.NodeID
	Of     uint64
}

// Ack answers the Ping with Seq Of. With About set the sender only passes it
// on: it was that node, in its boot AboutInc, that answered.
type Ack struct {
	Gossip
	Of       uint64
	About    kv.NodeID
	AboutInc kv.Incarnation
	Relay    kv.NodeID // from the Ping
	RelaySeq uint64
}

// MessageName implements actors.Message.
func (*Ping) MessageName() string    { return "ping" }
func (*PingReq) MessageName() string { return "ping-req" }
func (*Ack) MessageName() string     { return "ack" }
