package detector

import "github.com/quoratedb/quorate/actors/kv"

// Config is what a detector is told at its start. Durations are nanoseconds.
type Config struct {
	Peers []kv.NodeID // all members, itself included or not
	Node  kv.NodeID
	Inc   kv.Incarnation
	Epoch kv.Epoch
	Lanes int // shards of this node to tell
	// IntervalNs is the pause between two heartbeats, SuspectNs the silence
	// after which a peer is believed dead.
	IntervalNs, SuspectNs int64
}

// Defaults fills in what is zero.
func (c Config) Defaults() Config {
	if c.IntervalNs == 0 {
		c.IntervalNs = 50e6
	}
	if c.SuspectNs == 0 {
		c.SuspectNs = 500e6
	}
	return c
}
