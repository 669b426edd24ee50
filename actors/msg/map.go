package msg

import "github.com/quoratedb/quorate/actors/kv"

// MapKey is the key of the system partition whose value is the cluster map.
const MapKey = "map"

// MapChange asks a node's cluster actor for one step of the map. It comes from
// an edge of the same node.
type MapChange struct {
	ID        uint64 // the edge's own; comes back in MapChanged
	TimeoutNs int64  // from arrival; 0 means the actor's default
	Change    kv.Change
}

// MapChanged answers MapChange. Status is OK (Epoch made it, and this node acts
// on it), BadRequest (never, for the reason Why and Text), Busy or Unavailable
// (nothing was done, and never will be), or Unknown (it may have been made, or may still be).
type MapChanged struct {
	ID     uint64
	Epoch  kv.Epoch
	Status kv.Status
	Why    kv.Refusal
	Text   string
}

// MapAsk asks a peer for its map if that is newer than Have.
type MapAsk struct{ Have kv.Epoch }

// MapTold answers MapAsk, or MapSeen of somebody who lags behind.
type MapTold struct{ Map *kv.Map }

// MapSeen tells that all of the sender acts on the map of Epoch, durably: what
// that map has dropped is gone there.
type MapSeen struct{ Epoch kv.Epoch }

// LaneMap has a lane act on a map, which is durable. It never leaves the node,
// as LaneMapped, which answers it.
type LaneMap struct{ Map *kv.Map }

// LaneMapped tells the cluster actor that a lane acts on the map of Epoch.
type LaneMapped struct{ Epoch kv.Epoch }

// MapRecord: the node's map became Map, after that of epoch From. It comes
// before everything that was made durable under Map, and what the log says
// before it of the slots of buckets that were created after From is of buckets that are gone.
type MapRecord struct {
	Map  *kv.Map
	From kv.Epoch
}

// MessageName implements actors.Message.
func (*MapChange) MessageName() string  { return "map-change" }
func (*MapChanged) MessageName() string { return "map-changed" }
func (*MapAsk) MessageName() string     { return "map-ask" }
func (*MapTold) MessageName() string    { return "map-told" }
func (*MapSeen) MessageName() string    { return "map-seen" }
func (*LaneMap) MessageName() string    { return "lane-map" }
func (*LaneMapped) MessageName() string { return "lane-mapped" }
