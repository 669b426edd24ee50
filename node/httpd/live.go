package httpd

import (
	"fmt"
	"net/http"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
)

// hintsBody tells of the hints that this node keeps.
type hintsBody struct {
	Pending   int        `json:"pending"`
	Bytes     int64      `json:"bytes" doc:"In memory."`
	Kept      uint64     `json:"kept" doc:"Taken in since start, as are the counts that follow."`
	Delivered uint64     `json:"delivered"`
	Refused   uint64     `json:"refused" doc:"Turned away because a bound was reached."`
	Unkept    uint64     `json:"unkept" doc:"Objects of writes coordinated here of which nobody keeps a hint: left to anti-entropy."`
	Expired   uint64     `json:"expired"`
	Failed    uint64     `json:"failed" doc:"Deliveries without an answer; they are tried again."`
	For       []hintsFor `json:"targets"`
}

type hintsFor struct {
	Node    kv.NodeID `json:"node_id"`
	Pending int       `json:"pending"`
	Bytes   int64     `json:"bytes"`
	Refused uint64    `json:"refused"`
	Oldest  string    `json:"oldest,omitempty" doc:"When the oldest was written."`
}

func hintsOf(h *door.Hints) *hintsBody {
	out := &hintsBody{Pending: h.Pending, Bytes: h.Bytes, Kept: h.Kept, Delivered: h.Delivered,
		Refused: h.Refused, Unkept: h.Unkept, Expired: h.Expired, Failed: h.Failed, For: []hintsFor{}}
	for _, f := range h.For {
		out.For = append(out.For, hintsFor{f.Node, f.Pending, f.Bytes, f.Refused, moment(f.Oldest)})
	}
	return out
}

// repairFacts tells of anti-entropy.
type repairFacts struct {
	Done      int          `json:"done" doc:"Pairs of a partition and another node that are known to be equal."`
	All       int          `json:"all" doc:"All such pairs."`
	LastFull  string       `json:"last_full,omitempty" doc:"When all pairs were last equal; missing: not since the buckets were placed as they are now."`
	TookMs    int64        `json:"took_ms" doc:"How long the last round took."`
	Queued    int          `json:"queued" doc:"Partitions that wait to be brought level."`
	Rounds    uint64       `json:"rounds"`
	Sessions  uint64       `json:"sessions"`
	SentKeys  uint64       `json:"sent_keys" doc:"Moved by the sessions that this node began, as are the counts that follow."`
	SentBytes uint64       `json:"sent_bytes"`
	GotKeys   uint64       `json:"got_keys"`
	GotBytes  uint64       `json:"got_bytes"`
	Collected uint64       `json:"collected" doc:"Tombstones that all replicas were told to drop."`
	Leaving   int          `json:"leaving" doc:"Copies that this node no longer holds by the present N, and still has to hand over."`
	Peers     []repairPeer `json:"peers"`
}

type repairPeer struct {
	Node     kv.NodeID `json:"node_id"`
	Shared   int       `json:"shared" doc:"Partitions."`
	Left     int       `json:"left" doc:"Of which so many are not known to be equal."`
	Compared string    `json:"compared,omitempty"`
	LastFull string    `json:"last_full,omitempty"`
}

func repairOf(r *door.Repair) *repairFacts {
	out := &repairFacts{Done: r.Done, All: r.All, LastFull: moment(r.LastFull), TookMs: r.Took.Milliseconds(), Queued: r.Queued,
		Rounds: r.Rounds, Sessions: r.Sessions, SentKeys: r.SentKeys, SentBytes: r.SentBytes, GotKeys: r.GotKeys, GotBytes: r.GotBytes,
		Collected: r.Collected, Leaving: r.Leaving, Peers: []repairPeer{}}
	for _, p := range r.Peers {
		out.Peers = append(out.Peers, repairPeer{p.Node, p.Shared, p.Left, moment(p.Compared), moment(p.LastFull)})
	}
	return out
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// eventualBody is what a node does for buckets that are not strong.
type eventualBody struct {
	Keys         uint64       `json:"keys" doc:"Held here, tombstones included."`
	Dead         uint64       `json:"tombstones" doc:"Those of them that hold no value."`
	Bytes        uint64       `json:"bytes" doc:"Of those keys and values."`
	SiblingReads uint64       `json:"sibling_reads" doc:"Reads coordinated here that found several values."`
	StaleReads   uint64       `json:"stale_reads" doc:"Reads coordinated here that found a replica behind."`
	ReadRepairs  uint64       `json:"read_repairs" doc:"Objects that reads sent to replicas."`
	Drifted      uint64       `json:"drift_refusals" doc:"Objects refused since their stamp was too far ahead of this node's clock."`
	Skewed       uint64       `json:"skewed_writes" doc:"Writes passed on since this node's clock was behind what it had seen."`
	Hints        *hintsBody   `json:"hints"`
	AntiEntropy  *repairFacts `json:"anti_entropy"`
}

func eventualOf(e *door.Eventual) eventualBody {
	return eventualBody{e.Keys, e.Dead, e.Bytes, e.SiblingReads, e.StaleReads, e.Repaired, e.Drifted, e.Skewed, hintsOf(&e.Hints), repairOf(&e.Repair)}
}

// showBucket answers with a bucket's settings and what is true of it now.
func (s *Server) showBucket(w http.ResponseWriter, b *kv.Bucket) {
	_, epoch := s.host.Buckets()
	out := liveBody{BucketBody: describeBucket(b), Epoch: epoch, Promise: promise(b)}
	if keys, size, err := s.host.CountKeys(b); err != nil {
		out.Note = err.Error()
	} else {
		out.Keys, out.Bytes = &keys, &size
	}
	if b.Mode != kv.Strong {
		st := s.host.Stats()
		out.Hints, out.AntiEntropy = hintsOf(&st.Eventual.Hints), repairOf(&st.Eventual.Repair)
		if overlaps(b) && b.Had != 0 && st.Eventual.Repair.All > 0 && st.Eventual.Repair.LastFull.IsZero() {
			out.Warning = "N has changed, and anti-entropy has not gone through all replicas since (as this node knows): those that are new to a key may lack older values"
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// least is how many replicas an R or a W asks at least, with one zone.
func least(a kv.Ask, n int) int {
	switch a.Level {
	case kv.ByCount:
		return int(a.Count)
	case kv.One:
		return 1
	case kv.All:
		return n
	}
	return n/2 + 1
}

// overlaps reports whether every read asks a replica that every acknowledged write reached.
func overlaps(b *kv.Bucket) bool {
	if b.Mode != kv.Eventual || b.Sloppy {
		return false
	}
	if zonal := [2]kv.Level{b.R.Level, b.W.Level}; zonal == [2]kv.Level{kv.LocalQuorum, kv.EachQuorum} || zonal == [2]kv.Level{kv.EachQuorum, kv.LocalQuorum} {
		return true // in the zone of whoever asks its own alone
	}
	local := b.R.Level == kv.LocalQuorum || b.W.Level == kv.LocalQuorum // of different zones: no overlap
	all := b.R.Level == kv.All || b.W.Level == kv.All
	n := int(b.N)
	return (all || !local) && least(b.R, n)+least(b.W, n) > n
}

// promise says in a sentence what a bucket's settings promise.
func promise(b *kv.Bucket) string {
	switch {
	case b.Mode == kv.Strong:
		return "every operation on a key is linearizable"
	case b.Mode == kv.ABD:
		return "get, set and delete of a key are linearizable"
	case b.Policy == kv.Counters && overlaps(b):
		return "a counter is the sum of all increments once replicas have met; every read sees all acknowledged increments"
	case b.Policy == kv.Counters:
		return "a counter is the sum of all increments once replicas have met; a read may lack recent ones"
	case overlaps(b):
		return fmt.Sprintf("every read asks a replica that every acknowledged write has reached (R=%v and W=%v of N=%d); not linearizable: concurrent writes %s", b.R, b.W, b.N, fate(b))
	case b.Sloppy:
		return fmt.Sprintf("writes go on while any %s; a read may be stale; concurrent writes %s", nodesFor(b), fate(b))
	}
	return fmt.Sprintf("a read may be stale (R=%v, W=%v of N=%d); concurrent writes %s", b.R, b.W, b.N, fate(b))
}

func nodesFor(b *kv.Bucket) string {
	if least(b.W, int(b.N)) == 1 {
		return "node is up"
	}
	return fmt.Sprintf("%d nodes are up", least(b.W, int(b.N)))
}

func fate(b *kv.Bucket) string {
	if b.Policy == kv.LWW {
		return "leave one winner, by clock"
	}
	return "are all kept as siblings"
}
