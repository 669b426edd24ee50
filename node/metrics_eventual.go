package node

import (
	"strconv"
	"time"

	"github.com/quoratedb/quorate/node/door"
)

// collectEventual emits what the node does for buckets that are not strong.
func collectEventual(e *emitter, lanes []*laneStats) {
	var s door.Eventual
	for _, l := range lanes {
		l.eventual.addTo(&s)
	}
	e.gauge("quorate_eventual_keys", "Keys of eventual and abd buckets held, tombstones included.", float64(s.Keys))
	e.gauge("quorate_eventual_tombstones", "Those of them that hold no value.", float64(s.Dead))
	e.gauge("quorate_eventual_bytes", "Bytes of those keys and their values.", float64(s.Bytes))
	e.counter("quorate_sibling_reads_total", "Reads that found several concurrent values.", float64(s.SiblingReads))
	e.counter("quorate_stale_reads_total", "Reads that found a replica behind.", float64(s.StaleReads))
	e.counter("quorate_read_repairs_total", "Objects that reads sent to replicas that were behind.", float64(s.Repaired))
	const drift = "Writes refused here since a clock is wrong: an arriving stamp too far ahead (stamp), or the own clock behind what it has seen (own)."
	e.counter("quorate_drift_refusals_total", drift, float64(s.Drifted), "clock", "stamp")
	e.counter("quorate_drift_refusals_total", drift, float64(s.Skewed), "clock", "own")
	e.counter("quorate_coordinate_forwards_total", "Operations on eventual and abd buckets passed on to another coordinator.", float64(s.Forwards))
	e.counter("quorate_coordinate_resends_total", "Their messages sent again.", float64(s.Resends))
	collectHints(e, &s.Hints)
	collectRepair(e, &s.Repair)
}

func collectHints(e *emitter, h *door.Hints) {
	e.gauge("quorate_hints_bytes", "Memory of the hints kept.", float64(h.Bytes))
	e.counter("quorate_hints_kept_total", "Hints taken in.", float64(h.Kept))
	e.counter("quorate_hints_delivered_total", "Hints that their replica has taken.", float64(h.Delivered))
	e.counter("quorate_hints_expired_total", "Hints that became too old.", float64(h.Expired))
	e.counter("quorate_hints_failed_total", "Deliveries of hints without an answer; they are repeated.", float64(h.Failed))
	const refused = "Hints not kept because a bound was reached, by who noticed: the node that should keep it, or the one that looked for a keeper."
	e.counter("quorate_hints_refused_total", refused, float64(h.Refused), "by", "keeper")
	e.counter("quorate_hints_refused_total", refused, float64(h.Unkept), "by", "coordinator")
	for i := range h.For {
		f := &h.For[i]
		id := strconv.Itoa(int(f.Node))
		age := 0.0
		if !f.Oldest.IsZero() {
			age = max(0, time.Since(f.Oldest).Seconds())
		}
		e.gauge("quorate_hints_pending", "Hints kept for another node.", float64(f.Pending), "target", id)
		e.gauge("quorate_hints_oldest_seconds", "Age of the oldest of them.", age, "target", id)
	}
}

func collectRepair(e *emitter, r *door.Repair) {
	e.gauge("quorate_repair_pairs", "Pairs of a partition and another node that holds it.", float64(r.All))
	e.gauge("quorate_repair_pairs_level", "Of which so many are known to be equal.", float64(r.Done))
	last := 0.0
	if !r.LastFull.IsZero() {
		last = float64(r.LastFull.UnixMilli()) / 1000
	}
	e.gauge("quorate_repair_last_full_seconds", "When all pairs were last equal, as Unix time; 0: not since the buckets were placed as now.", last)
	e.gauge("quorate_repair_queue", "Partitions that wait to be brought level.", float64(r.Queued))
	e.counter("quorate_repair_rounds_total", "Comparisons of all shared partitions with a peer.", float64(r.Rounds))
	e.counter("quorate_repair_sessions_total", "Sessions that bring one partition level with a peer.", float64(r.Sessions))
	e.counter("quorate_repair_abandoned_total", "Sessions that ended before that.", float64(r.Abandoned))
	const keys, bytes = "Objects moved by the sessions of anti-entropy that this node began.", "About how many bytes that were."
	e.counter("quorate_repair_keys_total", keys, float64(r.SentKeys), "direction", "sent")
	e.counter("quorate_repair_keys_total", keys, float64(r.GotKeys), "direction", "received")
	e.counter("quorate_repair_bytes_total", bytes, float64(r.SentBytes), "direction", "sent")
	e.counter("quorate_repair_bytes_total", bytes, float64(r.GotBytes), "direction", "received")
	e.counter("quorate_tombstones_collected_total", "Tombstones of eventual buckets that all replicas were told to drop.", float64(r.Collected))
}
