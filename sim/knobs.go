package sim

import (
	"regexp"
	"slices"
	"strings"
)

// Bounds that several knobs share.
const (
	millisecond = int64(1e6)
	second      = 1000 * millisecond
	hour        = 3600 * second
	whole       = 1_000_000 // of a share
)

// knobs lists every setting of a scenario, section by section.
func (p *profile) knobs() []knob {
	return slices.Concat(
		[]knob{words("about", &p.about, "what the scenario is for, in a line")},
		p.topologyKnobs(), p.workloadKnobs(), p.bucketKnobs(), p.mapKnobs(), p.networkKnobs(), p.diskKnobs(), p.protocolKnobs(), p.hostKnobs(), p.faultKnobs(),
		p.scriptKnobs(), p.judgementKnobs(),
	)
}

// clusterName is how a file calls a number of nodes and of replicas.
var clusterName = regexp.MustCompile(`^([1-9]|[12][0-9]|3[01])x([1-7])$`) // immutable: compiled once

func (p *profile) topologyKnobs() []knob {
	return []knob{
		choice("topology.clusters", &p.clusters, clusterName.MatchString, "NODESxREPLICAS such as 5x3, up to 31x7", "nodes and replicas (N)"),
		numbers("topology.partitions", &p.partitions, "a power of two", 1, 256, func(v int) bool { return v&(v-1) == 0 }, "partitions of the keys"),
		numeric("topology.lanes", &p.lanes, plain(), 1, 8, "lanes of a node, at most as many as partitions"),
		numeric("topology.zones", &p.zones, plain(), 1, 7, "zones that the nodes are spread over"),
	}
}

func (p *profile) workloadKnobs() []knob {
	mix, mixNames := oneOf("get", "head", "set", "getset", "setnx", "setxx", "delete", "getdel", "cas", "getcas")
	drawn, drawnNames := oneOf("uniform", "zipf", "hot")
	routing, routingNames := oneOf("owner", "sticky", "any")
	return []knob{
		numeric("workload.clients", &p.clients, plain(), 1, 64, "clients, each of which does one message after the other"),
		numeric("workload.keys", &p.keys, plain(), 1, 128, "keys; few are likelier than many"),
		numeric("workload.counters", &p.counters, percent(), 0, whole, "share of the keys that are counters"),
		numeric("workload.operations", &p.ops, plain(), 1, 100_000, "operations of the safety phase, of all clients"),
		numeric("workload.per-key", &p.opsPerKey, plain(), 1, 100_000, "operations per key, in the mean, at most"),
		choice("workload.mix", &p.mix, mix, mixNames, "operations on keys that are no counters"),
		numeric("workload.read-first", &p.readFirst, percent(), 0, whole, "share of the keys of which clients read before they set, to carry what they saw (eventual: its context)"),
		toggle("workload.swarm", &p.swarmMix, "each seed changes the weights of the mix"),
		choice("workload.distribution", &p.keysDrawn, drawn, drawnNames, "which key an operation takes"),
		numeric("workload.zipf-exponent", &p.zipf, factor(), 0, 5000, "how uneven zipf is"),
		numeric("workload.hot-share", &p.hotShare, percent(), 0, whole, "share of the operations that take the hot key"),
		numeric("workload.pipelined", &p.pipelined, percent(), 0, whole, "share of the operations that go in the same message as the one before"),
		numeric("workload.pipeline", &p.pipelineMost, plain(), 1, maxPipeline, "operations in a message, at most"),
		numeric("workload.bursts", &p.bursts, plain(), 0, 20, "moments at which half of the operations gather"),
		numeric("workload.think", &p.thinkNs, clockTime(1), 0, hour, "pause of a client between an answer and its next message"),
		choice("workload.routing", &p.routing, routing, routingNames, "the node that a client asks: the key's default owner, always the same one, any"),
		numeric("workload.routed", &p.routed, percent(), 0, whole, "share of the operations that keep to it"),
		numeric("workload.client-timeout", &p.clientTimeoutFor, factor(), 100, 100_000, "how long a client waits, in request timeouts; 40 ms at least"),
	}
}

func (p *profile) networkKnobs() []knob {
	kinds, kindNames := oneOf("const", "uniform", "exp", "pareto", "mixture")
	return []knob{
		choice("network.latency", &p.latency, kinds, kindNames, "the distribution of a message's time on the way"),
		numeric("network.least", &p.leastNs, clockTime(1), 0, hour, "the least latency (log)"),
		numeric("network.mean", &p.meanNs, clockTime(1), 1, hour, "the mean above the least (log)"),
		numeric("network.tail", &p.tail, plain(), 1, 1000, "the most above the least, in means; uniform: always 2"),
		numeric("network.slow-branch", &p.slowBranch, percent(), 0, whole, "mixture: share that takes anything up to the most"),
		numeric("network.pareto-exponent", &p.pareto, factor(), 1050, 10_000, "pareto: the exponent; small means heavy tails"),
		numeric("network.between-zones", &p.betweenZones, factor(), 1000, 1_000_000, "factor of the latency of links between zones"),
		numeric("network.ordered", &p.ordered, percent(), 0, whole, "share of the seeds whose links keep the order of messages"),
		numeric("network.reset", &p.reset, percent(), 0, whole, "chance that a peer notices a crash at once"),
		numeric("network.loss", &p.loss, percent(), 0, 500_000, "share of the messages that get lost, in half of the seeds"),
		numeric("network.duplication", &p.dup, percent(), 0, whole, "share of the messages that arrive twice, in half of the seeds"),
		numeric("network.encoded", &p.codec, percent(), 0, whole, "share of the seeds whose messages travel through the wire encoding"),
	}
}

func (p *profile) diskKnobs() []knob {
	sync, syncNames := oneOf("always", "interval", "never")
	zip, zipNames := oneOf("none", "lz4", "zstd")
	return []knob{
		choice("disk.sync", &p.sync, sync, syncNames, "the sync policy"),
		numeric("disk.interval", &p.intervalNs, clockTime(1), 100_000, hour, "between two syncs under interval (log)"),
		numeric("disk.write", &p.writeNs, clockTime(1), 1, hour, "time of a write (log)"),
		numeric("disk.fsync", &p.syncNs, clockTime(1), 1, hour, "mean time of an fsync (log)"),
		numeric("disk.segment", &p.segment, plain(), 4096, 1<<30, "bytes of a segment of the log (log)"),
		numbers("disk.preallocate", &p.preallocate, "a number", -1, 1<<30, func(v int) bool { return v != 0 }, "bytes that a segment grows by; -1: only by what is written"),
		choice("disk.compression", &p.compression, zip, zipNames, "of checkpoints"),
		numeric("disk.checkpointing", &p.checkpointing, percent(), 0, whole, "share of the seeds that make checkpoints"),
		numeric("disk.checkpoint", &p.checkpointNs, clockTime(1), millisecond, hour, "mean time between two (log)"),
		numeric("disk.chunk", &p.chunk, plain(), 1, 10_000, "records per step of a checkpoint (log)"),
	}
}

func (p *profile) protocolKnobs() []knob {
	return []knob{
		numeric("protocol.request-timeout", &p.requestTimeoutNs, clockTime(1), millisecond, hour, "how long a node tries to serve a request (log)"),
		numeric("protocol.resend-early", &p.resendEarly, percent(), 0, whole, "share of the seeds that resend about when, or before, the answer comes"),
		numeric("protocol.resend-early-rounds", &p.resendEarlyFor, factor(), 100, 10_000, "their pause before a resend, in mean rounds; 1 ms at least"),
		numeric("protocol.resend-rounds", &p.resendFor, factor(), 1000, 100_000, "that of the other seeds; 4 ms at least, 250 ms at most"),
		numeric("protocol.backoff", &p.backoffNs, clockTime(1), millisecond, hour, "pause after a lost claim (log)"),
		numeric("protocol.level", &p.levelNs, clockTime(1), millisecond, hour, "between two looks at replicas that missed writes (log)"),
		numeric("protocol.max-pending", &p.maxPending, plain(), 1, 1_000_000, "operations that a shard holds before it turns others away (log)"),
		numeric("protocol.keep-touching", &p.keepTouching, percent(), 0, whole, "share of the seeds whose owners touch every key first"),
		numeric("protocol.heartbeat", &p.heartbeatNs, clockTime(1), millisecond, hour, "between two heartbeats (log)"),
		numeric("protocol.suspect", &p.suspectFor, plain(), 2, 1000, "silence after which a node is suspected, in periods of the detector"),
	}
}

func (p *profile) hostKnobs() []knob {
	return []knob{
		numeric("host.service", &p.serviceNs, clockTime(1), 1, second, "mean time of a batch (log)"),
		numeric("host.batch", &p.batchLimit, plain(), 1, 10_000, "messages in a batch, at most (log)"),
		numeric("host.gather", &p.gatherNs, clockTime(1), 0, second, "how long an idle lane waits for more, at most, in half of the seeds (log)"),
		numeric("host.skew", &p.skewMs, clockTime(millisecond), 0, 1000*hour, "by how much wall clocks are off (log)"),
		numeric("host.drift", &p.driftMilli, factor(), 0, 500, "by how much monotonic clocks run too fast or slow, in half of the seeds"),
	}
}

func (p *profile) faultKnobs() []knob {
	kinds, kindNames := oneOf(faultNames()...)
	s := &p.strength
	return []knob{
		numeric("faults.number", &p.faults, plain(), 0, 1000, "single faults"),
		choice("faults.kinds", &p.kinds, kinds, kindNames, "which"),
		toggle("faults.swarm", &p.swarmKinds, "each seed leaves out about half of the kinds"),
		numeric("faults.triggered", &p.triggered, percent(), 0, whole, "share that waits for a step of the protocol"),
		choice("faults.triggers", &p.triggers, isTrigger, "sync, send MESSAGE or handle MESSAGE, MESSAGE one of "+strings.Join(triggerMessages(), ", "), "the steps; MESSAGE as in the trace"),
		numeric("faults.at-owner", &p.atOwner, percent(), 0, whole, "share that strikes the default owner of a key"),
		numeric("faults.length", &p.faultNs, clockTime(1), 1000, hour, "how long one lasts (log)"),
		numeric("faults.beyond-sync", &p.beyondSync, percent(), 0, whole,
			"share of the seeds that lose power although their sync policy may then lose data; what may be lost is judged less strictly"),
		numeric("faults.loss", &s.loss, percent(), 0, whole, "loss: messages lost"),
		numeric("faults.duplication", &s.dup, percent(), 0, whole, "dup: messages that arrive twice"),
		numeric("faults.slow", &s.slowNs, clockTime(1), 0, hour, "slow: added to a message's latency (log)"),
		numeric("faults.slow-disk", &s.slowDiskNs, clockTime(1), 0, hour, "slow-disk: added to an fsync (log)"),
		numeric("faults.slow-node", &s.slowNode, factor(), 1000, 1_000_000, "slow-node: factor of the time of a batch (log)"),
		numeric("faults.flap", &s.flapNs, clockTime(1), 1000, hour, "flap: time that the links work, and then don't (log)"),
		numeric("faults.sync-errors", &s.syncErrors, plain(), 1, 1000, "sync-error: fsyncs that fail"),
		numeric("faults.rot", &s.rotBits, plain(), 1, 10_000, "bit-rot: bits (log)"),
		numeric("faults.cold-rot", &s.coldBits, plain(), 1, 10_000, "cold-rot: bits (log)"),
		numeric("faults.misdirected", &s.misdirected, plain(), 1, 1000, "misdirected-write: writes (log)"),
		numeric("faults.clock-jump", &s.jumpMs, clockTime(millisecond), -1000*hour, 1000*hour, "clock-jump: by how much"),
		numeric("faults.drift", &s.rate, factor(), 100, 10_000, "drift: rate of the monotonic clock"),
	}
}

func (p *profile) scriptKnobs() []knob {
	kinds, kindNames := oneOf(scriptNames()...)
	s := &p.strength
	return []knob{
		numeric("scripts.number", &p.scripts, plain(), 0, 100, "groups of faults that belong together"),
		choice("scripts.kinds", &p.scriptKinds, kinds, kindNames, "which"),
		numeric("scripts.swizzle", &s.swizzleNs, clockTime(1), millisecond, hour, "swizzle: until the nodes begin to return (log)"),
		numeric("scripts.rolling-down", &s.rollingNs, clockTime(1), 1000, hour, "rolling: how long each node is down (log)"),
		numeric("scripts.rolling-gap", &s.rollingGap, clockTime(1), 1000, hour, "rolling: until the next one goes (log)"),
		numeric("scripts.majority", &s.majority, percent(), 0, whole, "blackout: share that strikes a majority only"),
	}
}

func (p *profile) judgementKnobs() []knob {
	o := &p.oracles
	how, howNames := oneOf(awayNames()...)
	return []knob{
		numeric("phases.safety", &p.safetyNs, clockTime(1), millisecond, hour, "length of the phase with faults"),
		numeric("phases.liveness", &p.livenessNs, clockTime(1), 0, hour, "bound of the phase after it; 0: computed from the time-outs"),
		numeric("phases.core", &p.core, percent(), 0, whole, "share of the seeds whose clients first ask one node alone after the faults"),
		numeric("phases.away", &p.away, percent(), 0, whole, "share of these in which a minority stays away meanwhile"),
		choice("phases.away-how", &p.awayHow, how, howNames, "how"),
		toggle("oracles.linearizability", &o.linearizability, "judge the history of each key"),
		toggle("oracles.sessions", &o.sessions, "judge the session guarantees"),
		toggle("oracles.lost-writes", &o.lostWrites, "look for acknowledged writes that are gone"),
		toggle("oracles.invariants", &o.invariants, "check the protocol's invariants after every event"),
		toggle("oracles.liveness", &o.liveness, "convict operations that never end"),
		toggle("oracles.strict", &o.strict, "forgive nothing: convict what the sync policies interval and never lose with the power"),
		oneWord("oracles.anomalies", &o.anomalies, anomalyChoices(), "convict what weak settings permit, too: for looking at a case of it"),
		toggle("oracles.convergence", &o.convergence, "convict replicas that stay different"),
	}
}

// isTrigger reports whether a name is a step that a fault can wait for.
func isTrigger(name string) bool {
	event, message, ok := strings.Cut(name, " ")
	if !ok {
		return event == "sync"
	}
	return (event == "send" || event == "handle") && slices.Contains(triggerMessages(), message)
}

// triggerMessages are the messages between nodes that a fault can wait for.
func triggerMessages() []string {
	return []string{
		"ping", "ping-req", "ack", "forward", "forwarded", "prepare", "promises", "touch",
		"touched", "accept", "accepted", "confirm", "confirmed", "read-versions", "versions", "hand-over", "collect", "digest",
		"digested", "list-keys", "listed-keys",
		"put", "stored", "fetch", "fetched", "hint", "hinted", "compare", "compared", "tree-ask", "tree-told", "list-bucket", "bucket-listed",
		"ask-dead", "dead-told", "forget",
	}
}
