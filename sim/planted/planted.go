// Package planted lists the bugs that can be planted in the store, to see
// whether the simulator finds them: where their markers are, and which
// scenarios aim at them. See docs/simulation.md.
package planted

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/quoratedb/quorate/"

// Probe is a marker without effect on the store; sim.Planted sees whether it
// can be enabled.
const Probe = module + "sim/noop-900-planted"

// Bug is a planted bug, or a change that must not be convicted.
type Bug struct {
	Number    int      `json:"number"`
	Names     []string `json:"names"`     // package/marker, without the module
	Scenarios []string `json:"scenarios"` // to try, in this order
	Survives  bool     `json:"survives"`  // a no-op: nothing may convict it
	Rare      bool     `json:"rare"`      // needs hundreds of seeds
}

// Markers are the names by which failpoint.Enable knows the bug.
func (b Bug) Markers() []string {
	paths := make([]string, len(b.Names))
	for i, n := range b.Names {
		paths[i] = module + n
	}
	return paths
}

// Name is what --bug takes.
func (b Bug) Name() string { return b.Names[0][strings.LastIndex(b.Names[0], "/")+1:] }

// immutable: the scenarios of a bug are only read
var anywhere = []string{"default"}

// immutable: the scenarios of a bug are only read
var every = []string{"default", "promises", "tombstones", "reads", "durability", "sequences", "impatient"}

// Bugs lists them by number.
func Bugs() []Bug { return slices.Clone(bugs) }

// immutable: callers get a copy, and only read the names in it
var bugs = []Bug{
	{Number: 1, Names: []string{"actors/bug-1-ack-before-fsync"}, Scenarios: anywhere},
	{Number: 2, Names: []string{"wal/bug-2-fsync-error-retried"}, Scenarios: []string{"default", "durability"}},
	{Number: 3, Names: []string{"wal/bug-3-torn-tail-accepted"}, Scenarios: anywhere},
	{Number: 4, Names: []string{"wal/bug-4-replay-stops-at-damage"}, Scenarios: []string{"default", "durability"}},
	{Number: 5, Names: []string{"wal/bug-5-checksum-not-verified"}, Scenarios: []string{"default", "durability"}},
	{Number: 6, Names: []string{"wal/bug-6-dir-not-synced-after-rename"}, Scenarios: []string{"default", "durability"}},
	{Number: 7, Names: []string{"wal/bug-7-log-dropped-before-checkpoint-durable"}, Scenarios: []string{"durability", "default"}},
	{Number: 8, Names: []string{"sim/bug-8-wiped-node-votes-again"}, Scenarios: []string{"durability"}},
	{Number: 9, Names: []string{"actors/replica/bug-9-promise-not-persisted"}, Scenarios: []string{"default", "promises"}},
	{Number: 10, Names: []string{"actors/replica/bug-10-accept-not-persisted"}, Scenarios: anywhere},
	{Number: 11, Names: []string{"actors/replica/bug-11-equal-ballot-promised", "actors/shard/bug-11-ballot-reused-after-restart"}, Scenarios: anywhere},
	{Number: 12, Names: []string{"actors/shard/bug-12-highest-version-not-adopted"}, Scenarios: anywhere},
	{Number: 13, Names: []string{"actors/quorum/bug-13-duplicate-reply-counted"}, Scenarios: []string{"promises", "default"}},
	{Number: 14, Names: []string{"actors/quorum/bug-14-half-is-a-majority"}, Scenarios: anywhere},
	{Number: 15, Names: []string{"actors/shard/bug-15-read-without-write-back"}, Scenarios: anywhere},
	{Number: 16, Names: []string{"actors/shard/bug-16-doubtful-write-repeated"}, Scenarios: anywhere},
	{Number: 17, Names: []string{"actors/shard/bug-17-doubtful-write-reported-undone"}, Scenarios: anywhere},
	{Number: 18, Names: []string{"actors/shard/bug-18-owner-reads-without-confirm"}, Scenarios: anywhere},
	{Number: 19, Names: []string{"actors/shard/bug-19-doubtful-accept-abandoned"}, Scenarios: anywhere},
	{Number: 20, Names: []string{"actors/shard/bug-20-reply-to-earlier-request"}, Scenarios: anywhere},
	{Number: 21, Names: []string{"actors/replica/bug-21-floor-not-raised"}, Scenarios: []string{"tombstones", "default"}},
	{Number: 22, Names: []string{"actors/replica/bug-22-floor-not-durable"}, Scenarios: []string{"default", "tombstones"}},
	{Number: 24, Names: []string{"actors/replica/bug-24-copy-without-promise-check"}, Scenarios: []string{"default", "promises"}},
	{Number: 25, Names: []string{"actors/replica/bug-25-reply-reveals-undurable"}, Scenarios: []string{"durability", "promises"}},
	{Number: 26, Names: []string{"actors/coordinate/bug-26-hint-counted-strictly"}, Scenarios: []string{"eventual", "eventual-hints"}},
	{Number: 27, Names: []string{"actors/coordinate/bug-27-fallback-counted-strictly"}, Scenarios: []string{"zones"}},
	{Number: 28, Names: []string{"actors/coordinate/bug-28-coordinator-counts-itself"}, Scenarios: []string{"eventual"}},
	{Number: 29, Names: []string{"actors/causal/bug-29-quorum-rounded-down"}, Scenarios: []string{"eventual"}},
	{Number: 30, Names: []string{"actors/causal/bug-30-stamp-reused-after-restart"}, Scenarios: []string{"eventual-clocks"}},
	{Number: 31, Names: []string{"actors/causal/bug-31-skewed-clock-not-capped"}, Scenarios: []string{"eventual-clocks"}},
	{Number: 32, Names: []string{"actors/causal/bug-32-tie-broken-by-arrival"}, Scenarios: []string{"eventual"}},
	{Number: 33, Names: []string{"actors/causal/bug-33-entry-reused-after-restart"}, Scenarios: []string{"siblings", "counters"}},
	{Number: 34, Names: []string{"actors/causal/bug-34-sibling-dropped-as-dominated"}, Scenarios: []string{"siblings"}},
	{Number: 35, Names: []string{"actors/causal/bug-35-clock-not-merged"}, Scenarios: []string{"eventual", "eventual-clocks"}},
	{Number: 36, Names: []string{"actors/coordinate/bug-36-repair-stamps-anew"}, Scenarios: []string{"eventual"}},
	{Number: 37, Names: []string{"actors/handoff/bug-37-hint-deleted-before-ack"}, Scenarios: []string{"sloppy", "eventual-hints"}},
	{Number: 38, Names: []string{"actors/store/bug-38-hint-overwrites"}, Scenarios: []string{"sloppy", "eventual"}},
	{Number: 39, Names: []string{"actors/causal/bug-39-tombstone-collected-early"}, Scenarios: []string{"eventual-tombstones"}},
	{Number: 40, Names: []string{"actors/causal/bug-40-merkle-range-off-by-one"}, Scenarios: []string{"eventual", "eventual-hints"}},
	{Number: 41, Names: []string{"actors/handoff/bug-41-hint-overflow-in-silence"}, Scenarios: []string{"eventual-hints"}},
	{Number: 42, Names: []string{"actors/store/bug-42-stale-epoch-accepted", "actors/handoff/bug-42-stale-epoch-kept"}, Scenarios: []string{"slots", "buckets"}},
	{Number: 48, Names: []string{"actors/detector/bug-48-suspicion-never-cleared"}, Scenarios: anywhere},
	{Number: 49, Names: []string{"actors/shard/bug-49-takeover-duel-without-backoff"}, Scenarios: []string{"impatient"}},
	{Number: 50, Names: []string{"actors/shard/bug-50-retry-storm-without-backoff"}, Scenarios: []string{"impatient"}},
	{Number: 51, Names: []string{"actors/shard/bug-51-read-beside-write-in-flight"}, Scenarios: []string{"default", "reads"}},
	{Number: 53, Names: []string{"actors/shard/bug-53-forward-acted-on-twice"}, Scenarios: anywhere},
	{Number: 54, Names: []string{"actors/replica/bug-54-touch-without-ballot"}, Scenarios: []string{"promises", "default"}},
	{Number: 55, Names: []string{"actors/shard/bug-55-failed-cas-without-confirm"}, Scenarios: []string{"reads"}},
	{Number: 58, Names: []string{"actors/shard/bug-58-tombstone-collected-at-majority"}, Scenarios: []string{"tombstones", "default"}},
	{Number: 62, Names: []string{"actors/shard/bug-62-one-generation-for-all-partitions"}, Scenarios: []string{"reads", "default"}},
	{Number: 63, Names: []string{"actors/shard/bug-63-stamped-when-the-request-left"}, Scenarios: []string{"reads"}},
	{Number: 64, Names: []string{"actors/shard/bug-64-touch-answers-later-reads"}, Scenarios: []string{"reads"}},
	{Number: 65, Names: []string{"actors/shard/bug-65-overtaken-in-its-pipeline", "actors/shard/bug-65-first-of-several-sets-out"}, Scenarios: []string{"pipelines", "default"}},

	{Number: 66, Names: []string{"actors/coordinate/bug-66-context-without-its-siblings"}, Scenarios: []string{"siblings"}},
	{Number: 67, Names: []string{"actors/coordinate/bug-67-stand-in-forgets-its-events"}, Scenarios: []string{"stand-ins", "eventual-hints"}},
	{Number: 68, Names: []string{"actors/causal/bug-68-restarts-push-the-clock-away"}, Scenarios: []string{"restarts", "sloppy"}},
	{Number: 70, Names: []string{"actors/cluster/bug-70-map-set-without-condition"}, Scenarios: []string{"buckets"}},
	{Number: 71, Names: []string{"actors/cluster/bug-71-map-not-persisted"}, Scenarios: []string{"buckets"}},
	{Number: 72, Names: []string{"actors/replica/bug-72-dropped-copy-kept"}, Scenarios: []string{"slots", "buckets"}},
	{Number: 73, Names: []string{"actors/shard/bug-73-late-forward-meets-the-next-bucket"}, Scenarios: []string{"slots", "buckets"}},
	{Number: 74, Names: []string{"actors/cluster/bug-74-doubtful-change-made-anew"}, Scenarios: []string{"buckets"}},
	{Number: 75, Names: []string{"actors/coordinate/bug-75-operation-meets-the-next-bucket"}, Scenarios: []string{"slots", "buckets"}},
	{Number: 76, Names: []string{"actors/repair/bug-76-former-copy-dropped-undelivered"}, Scenarios: []string{"resizes"}},
	{Number: 77, Names: []string{"actors/repair/bug-77-former-replica-not-asked"}, Scenarios: []string{"resizes"}},
	{Number: 78, Names: []string{"actors/coordinate/bug-78-no-new-term-when-a-copy-leaves"}, Scenarios: []string{"resizes"}},
	{Number: 79, Names: []string{"actors/shard/bug-79-claim-below-the-birth-of-a-bucket"}, Scenarios: []string{"buckets", "slots"}},
	{Number: 80, Names: []string{"actors/handoff/bug-80-refused-hint-deleted"}, Scenarios: []string{"eventual-clocks", "eventual-hints", "sloppy"}},
	{Number: 81, Names: []string{"actors/coordinate/bug-81-local-to-another-zone"}, Scenarios: []string{"zones", "eventual-clocks"}},
	{Number: 82, Names: []string{"actors/shard/bug-82-majority-read-overtaken"}, Scenarios: []string{"claims"}},
	{Number: 83, Names: []string{"actors/shard/bug-83-claim-outlives-its-boot"}, Scenarios: []string{"claims", "buckets"}},
	{Number: 84, Names: []string{"actors/shard/bug-84-denied-and-asked-again"}, Scenarios: []string{"claims", "default"}},
	{Number: 85, Names: []string{"actors/detector/bug-85-deaf-peer-taken-for-alive"}, Scenarios: []string{"default"}},
	{Number: 86, Names: []string{"actors/shard/bug-86-late-answer-parts-kin"}, Scenarios: []string{"claims"}},

	// Calibration: changes that break nothing, and bugs that need three faults in order.
	{Number: 901, Names: []string{"actors/replica/noop-901-promise-persisted-twice"}, Scenarios: every, Survives: true},
	{Number: 902, Names: []string{"actors/shard/noop-902-touch-answers-nothing"}, Scenarios: every, Survives: true},
	{Number: 903, Names: []string{"actors/shard/noop-903-touched-every-time"}, Scenarios: every, Survives: true},
	{Number: 911, Names: []string{"actors/replica/bug-911-stamp-without-incarnation"}, Scenarios: []string{"sequences"}},
	{Number: 912, Names: []string{"actors/shard/bug-912-forward-meant-for-another-boot"}, Scenarios: []string{"sequences"}},
	{Number: 913, Names: []string{"actors/shard/bug-913-request-ids-start-again"}, Scenarios: []string{"sequences"}},
}

// Find returns a bug by its name or number.
func Find(name string) (Bug, error) {
	names := make([]string, len(bugs))
	for i, b := range bugs {
		if b.Name() == name || strconv.Itoa(b.Number) == name {
			return b, nil
		}
		names[i] = b.Name()
	}
	return Bug{}, fmt.Errorf("unknown bug %q: use a number or one of %s", name, strings.Join(names, ", "))
}
