package sim

import "slices"

// Mark is a rare state that runs should reach. Marks say whether the seeds go
// where the bugs are; they judge nothing.
type Mark uint8

// The marks.
const (
	CrashDuringSync     Mark = iota // a node crashed while its log was syncing
	TornWrite                       // a crash left a torn sector
	BootFailed                      // a node could not boot on a faulty disk
	DiskErrorStop                   // a node stopped after an error of its disk
	RotFound                        // a log found that its files had rotted
	CheckpointMade                  // a checkpoint was committed
	Prepared                        // a claim on a partition left
	PromiseRefused                  // a claim met a higher ballot
	Takeover                        // a partition was promised to another node than before
	Duel                            // two nodes' claims on a partition alternated three times
	Touched                         // single keys were first-touched
	TouchDisagreed                  // the answers to a first touch differ
	TouchRefused                    // a first touch met a higher ballot
	AcceptRefused                   // an accept met a higher ballot
	FloorRefused                    // an accept met the floor
	Resent                          // an accept left again, under the same id
	ConfirmRefused                  // a confirm found a partition promised away
	ConfirmChecked                  // a confirm asked about single partitions
	MajorityRead                    // versions were read without a ballot
	Collected                       // tombstones were collected
	HandedOver                      // ownership was handed over
	Forwarded                       // a request was forwarded
	ForwardTwice                    // a forward was delivered twice
	ForwardRefused                  // a forward met another incarnation
	ForwardNotOwner                 // a forward met a node that is not the owner
	Digested                        // digests were compared
	Listed                          // keys were listed to bring a replica level
	UnknownOutcome                  // a client was told that the outcome is unknown
	ClientTimeout                   // a client gave up waiting
	LateAnswer                      // an answer came after its client had given up
	BusyOrUnavailable               // an operation was turned away
	PausedOwnerReturned             // a paused node ran again after a takeover
	AllDown                         // no node was up
	Flapped                         // links were cut, worked and were cut again
	SlowNode                        // a node took long for a batch
	ColdRot                         // bits of old parts of a running node's log turned
	DiskLost                        // a node lost its disk
	Misdirected                     // a write landed in an older part of its file
	Pipelined                       // a client sent several operations in a message
	MayBeLost                       // power failed under a sync policy that may then lose data
	MapChanged                      // a node has a newer map of the cluster
	MapUnknown                      // the outcome of a change of the map is unknown
	MapRefused                      // a change of the map was refused
	CreatedUsed                     // an operation on a bucket that a change made succeeded
	MinorityAway                    // a minority was away after all else had healed
	marks                           // count, keep last
)

var markNames = [marks]string{
	"crash-during-sync", "torn-write", "boot-failed", "disk-error-stop", "rot-found", "checkpoint", "prepare", "promise-refused",
	"takeover", "duel", "touch", "touch-disagreed", "touch-refused", "accept-refused", "floor-refused", "resend", "confirm-refused", "confirm-checked", "majority-read", "collected",
	"hand-over", "forward", "forward-twice", "forward-refused", "forward-not-owner", "digest", "list-keys",
	"unknown-outcome", "client-timeout", "late-answer", "turned-away", "paused-owner-returned", "all-down",
	"flapped", "slow-node", "cold-rot", "disk-lost", "misdirected-write", "pipelined", "may-be-lost", "map-changed", "map-unknown", "map-refused", "created-bucket-used",
	"minority-away",
}

// Coverage counts how often each mark was reached.
type Coverage [marks]uint32

func (c *Coverage) hit(m Mark) { c[m]++ }

// Map returns the marks that were reached, by name.
func (c *Coverage) Map() map[string]uint32 {
	m := map[string]uint32{}
	for i, n := range c {
		if n > 0 {
			m[markNames[i]] = n
		}
	}
	return m
}

// Add adds the counts of another run.
func (c *Coverage) Add(o *Coverage) {
	for i := range c {
		c[i] += o[i]
	}
}

// seenByInvariants reports whether only the checks after every event see a mark.
func (m Mark) seenByInvariants() bool {
	return m == Takeover || m == Duel || m == PausedOwnerReturned || m == Resent
}

// Missing lists the marks that were never reached, in runs with these options: what
// nobody looked for is not among them.
func (c *Coverage) Missing(opts Options) []string {
	var names []string
	for i, n := range c {
		if n == 0 && !(opts.Invariants == AtEnd && Mark(i).seenByInvariants()) {
			names = append(names, markNames[i])
		}
	}
	slices.Sort(names)
	return names
}
