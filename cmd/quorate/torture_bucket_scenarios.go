package main

// harmToBuckets are the faults that buckets which are not strong may meet. Not
// clocks: where one was far ahead, others refuse its writes until that time has come,
// and no run waits for that.
var harmToBuckets = []string{"kill", "pause", "partition", "flap", "slow", "lossy", "disk-full", "bit-rot"}

// bucketScenarios are those whose buckets are not strong. The simulator's file of the
// name says which buckets those are and what clients do to them.
var bucketScenarios = []tortureScenario{
	{name: "abd", about: "abd registers, written through every node", buckets: true, think: bucketThink, kinds: harmToBuckets},
	{name: "eventual", about: "eventual buckets of every policy, R, W and repair", buckets: true, think: bucketThink, kinds: harmToBuckets},
	{name: "siblings", about: "concurrent values that clients replace with fresh and with stale contexts", buckets: true, think: bucketThink, kinds: harmToBuckets,
		favours: []string{"kill one", "kill some", "rolling", "split"}, hotPercent: 50},
	{name: "counters", about: "counters whose nodes are killed and hand increments on", buckets: true, think: bucketThink, kinds: harmToBuckets,
		favours: []string{"kill one", "kill some", "rolling", "split"}, hotPercent: 50},
	{name: "sloppy", about: "sloppy quorums whose replicas come and go, hints on nodes that come and go", buckets: true, think: bucketThink, kinds: []string{"kill", "pause", "partition", "flap", "lossy"},
		favours: []string{"kill some", "rolling", "swizzle", "mute", "deaf", "pause some"}},
	{name: "stand-ins", about: "all replicas of a key are away, and others stand in for them", buckets: true, think: bucketThink, kinds: []string{"kill", "pause", "partition"},
		favours: []string{"kill owner", "pause owner", "isolate owner", "kill some", "pause some"}},
	{name: "eventual-hints", about: "room for very few hints, and little else that would mend what they lose", buckets: true, think: bucketThink, kinds: []string{"kill", "pause", "partition"},
		settings: []string{"--eventual.hint_bytes=4KiB", "--eventual.hint_after=50ms"}},
	{name: "restarts", about: "nodes that restart again and again, in quick succession", buckets: true, think: bucketThink, kinds: []string{"kill", "pause"},
		favours: []string{"rolling", "kill some"}},
	{name: "resizes", about: "eventual buckets whose N changes while clients use them, with deletes", buckets: true, think: bucketThink, kinds: []string{"kill", "pause", "partition"}, resizes: true},
}

// insideOnly says why a scenario of the simulator cannot be had with real processes.
var insideOnly = map[string]string{
	"buckets":             "what may be seen of buckets that are dropped and made anew is judged by the maps that the nodes hold, which only the simulator sees",
	"slots":               "what may be seen of buckets that are dropped and made anew is judged by the maps that the nodes hold, which only the simulator sees",
	"eventual-clocks":     "writes of a clock that was far ahead are refused by other nodes until that time has come, and only the simulator can wait so long",
	"eventual-tombstones": "no tombstone is collected in the first minute, and only the simulator can make messages live shorter",
	"expiry":              "whether a value should have expired depends on the moment at which a node read its clock, which only the simulator sees",
	"zones":               "real nodes with buckets of these modes are all of one zone here, where a majority of the zone is one of all; use eventual, or wan for strong keys in zones",
	"matrix":              "it is what the simulator measures consistency.md with; use eventual",
}
