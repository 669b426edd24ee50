package node

import (
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/system"
)

// maxKinds and maxStatuses bound the table of outcomes.
const (
	maxKinds    = 16
	maxStatuses = 16
)

// nodeMetrics counts what is counted on the hot path: plain atomics, one addition
// per run of equal outcomes of a Do. Everything else is read when it is asked for.
type nodeMetrics struct {
	node     *Node
	outcomes [maxKinds][maxStatuses]atomic.Uint64

	opSeconds   prometheus.Histogram
	doOps       prometheus.Histogram
	syncSeconds prometheus.Histogram
	handshakes  *prometheus.CounterVec
	registered  []prometheus.Collector
}

func newMetrics(n *Node) *nodeMetrics {
	return &nodeMetrics{
		node: n,
		opSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quorate_do_seconds", Help: "Time from a front door's batch of operations to its results.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 18),
		}),
		doOps: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quorate_do_operations", Help: "Operations in a front door's batch.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
		syncSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quorate_wal_sync_seconds", Help: "Time of one write and sync of the log.",
			Buckets: prometheus.ExponentialBuckets(25e-6, 2, 18),
		}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quorate_peer_handshake_failures_total", Help: "Connections between nodes that were refused, by reason.",
		}, []string{"reason"}),
	}
}

// observe counts the outcomes of one Do.
func (m *nodeMetrics) observe(ops []msg.Op, results []kv.Result, took time.Duration) {
	for i := 0; i < len(ops); {
		kind, status := ops[i].Kind, results[i].Status
		from := i
		for i < len(ops) && ops[i].Kind == kind && results[i].Status == status {
			i++
		}
		m.outcomes[min(kind, maxKinds-1)][min(status, maxStatuses-1)].Add(uint64(i - from))
	}
	m.opSeconds.Observe(took.Seconds())
	m.doOps.Observe(float64(len(ops)))
}

// operations sums the outcomes up by kind and by status.
func (m *nodeMetrics) operations() (byKind, byStatus map[string]uint64) {
	byKind, byStatus = map[string]uint64{}, map[string]uint64{}
	m.each(func(kind, status string, n uint64) {
		byKind[kind] += n
		byStatus[status] += n
	})
	return byKind, byStatus
}

func (m *nodeMetrics) each(f func(kind, status string, n uint64)) {
	for k := range m.outcomes {
		for s := range m.outcomes[k] {
			if n := m.outcomes[k][s].Load(); n > 0 {
				kind := "invalid"
				if op := kv.OpKind(k); op.Valid() {
					kind = op.String()
				}
				f(kind, kv.Status(s).String(), n)
			}
		}
	}
}

// handshakeFailed counts a refusal, by the side that noticed it.
func (m *nodeMetrics) handshakeFailed(err error) {
	reason := "network"
	if refusal := (*errPeer)(nil); errors.As(err, &refusal) {
		reason = refusal.reason
	}
	m.handshakes.WithLabelValues(reason).Inc()
}

// register puts everything into the node's registry.
func (m *nodeMetrics) register(n *Node) {
	all := []prometheus.Collector{
		m, m.opSeconds, m.doOps, m.syncSeconds, m.handshakes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
	for _, c := range all {
		if err := n.cfg.Metrics.Register(c); err != nil {
			n.log.Warn("a metric is already registered", "err", err)
			continue
		}
		m.registered = append(m.registered, c)
	}
}

func (m *nodeMetrics) unregister() {
	for _, c := range m.registered {
		m.node.cfg.Metrics.Unregister(c)
	}
}

// Describe implements prometheus.Collector. Sending nothing makes it an
// unchecked one: its metrics are made when they are collected.
func (m *nodeMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *nodeMetrics) Collect(out chan<- prometheus.Metric) {
	n := m.node
	e := &emitter{out: out}
	m.each(func(kind, status string, v uint64) {
		e.counter("quorate_ops_total", "Operations of clients, by kind and outcome.", float64(v), "kind", kind, "status", status)
	})
	m.collectLog(e)
	m.collectLanes(e)
	m.collectTransport(e)
	e.gauge("quorate_sessions", "Open sessions of front doors.", float64(n.edge.open.Load()))
	e.counter("quorate_late_answers_total", "Answers that nobody waited for any more.", float64(n.edge.late.Load()))
}

func (m *nodeMetrics) collectLog(e *emitter) {
	w := m.node.journal.stats.Load()
	e.counter("quorate_wal_syncs_total", "Syncs of the log.", float64(w.Syncs))
	e.counter("quorate_wal_records_total", "Records appended to the log.", float64(w.Records))
	e.counter("quorate_wal_synced_bytes_total", "Bytes of the log made durable.", float64(w.SyncedBytes))
	e.counter("quorate_wal_checkpoints_total", "Checkpoints made.", float64(w.Checkpoints))
	e.gauge("quorate_wal_bytes", "Bytes of log since the last checkpoint.", float64(w.SinceCheckpoint))
	e.gauge("quorate_wal_segments", "Segments of the log on disk.", float64(w.Segments))
}

func (m *nodeMetrics) collectLanes(e *emitter) {
	n := m.node
	lanes := n.snapshots()
	collectEventual(e, lanes)
	if g := lanes[0].gossip; g != nil {
		collectGossip(e, g)
	}
	for i, st := range lanes {
		l, lane := n.lanes[i], strconv.Itoa(i)
		e.gauge("quorate_mailbox_messages", "Messages that wait in a lane's mailbox.", float64(l.box.depth()), "lane", lane)
		e.counter("quorate_mailbox_refused_total", "Messages that a full mailbox refused.", float64(l.box.refused.Load()), "lane", lane)
		e.counter("quorate_lane_batches_total", "Batches that a lane has run.", float64(l.steps.Load()), "lane", lane)
		e.counter("quorate_lane_messages_total", "Messages in them.", float64(l.messages.Load()), "lane", lane)
		e.gauge("quorate_owned_partitions", "Partitions that this node owns.", float64(st.owned), "lane", lane)
		e.gauge("quorate_replicated_partitions", "Partitions that this node holds a copy of.", float64(st.copies), "lane", lane)
		e.gauge("quorate_keys", "Live keys held.", float64(st.keys), "lane", lane)
		e.gauge("quorate_data_bytes", "Bytes of live keys and values held.", float64(st.bytes), "lane", lane)
		e.gauge("quorate_tombstones", "Tombstones of strong buckets held.", float64(st.tombstones), "lane", lane)
		e.counter("quorate_takeovers_total", "Partitions taken over.", float64(st.takeovers), "lane", lane)
		e.counter("quorate_rounds_total", "Accept rounds begun.", float64(st.rounds), "lane", lane)
		e.counter("quorate_folded_total", "Operations folded into another one's round.", float64(st.folded), "lane", lane)
		e.counter("quorate_resends_total", "Protocol messages sent again.", float64(st.resends), "lane", lane)
		e.counter("quorate_confirms_total", "Confirm rounds.", float64(st.confirms), "lane", lane)
		e.counter("quorate_forwards_total", "Operations forwarded to their owner.", float64(st.forwards), "lane", lane)
	}
}

func collectGossip(e *emitter, g *system.DetectorStats) {
	const sent, help = "quorate_gossip_messages_total", "Messages that the detector sent, by kind."
	e.counter(sent, help, float64(g.Pings), "kind", "ping")
	e.counter(sent, help, float64(g.PingReqs), "kind", "ping-req")
	e.counter(sent, help, float64(g.Acks), "kind", "ack")
	e.counter("quorate_gossip_updates_total", "Updates about members in them.", float64(g.UpdatesSent))
	e.counter("quorate_suspicions_total", "Suspicions of peers that this node began.", float64(g.Suspicions))
	e.counter("quorate_refuted_suspicions_total", "Suspicions of peers, whoever began them, that turned out false.", float64(g.FalseSuspicions))
	e.counter("quorate_refutations_total", "Suspicions of this node that it refuted.", float64(g.Refutations))
	e.gauge("quorate_detector_health", "0 while the node is well, up to 4 while it is slow and stretches its own time-outs.", float64(g.Health))
	e.gauge("quorate_newest_epoch", "The newest epoch that any member spoke of.", float64(g.Epoch))
	for i := range g.Peers {
		p, id, up := &g.Peers[i], strconv.Itoa(int(g.Peers[i].Node)), 0.0
		if p.Alive {
			up = 1
		}
		e.gauge("quorate_peer_alive", "1 while the peer is believed alive.", up, "peer", id)
		e.gauge("quorate_peer_phi", "Suspicion level of the peer's silence: -log10 of its probability in one that lives.", p.Phi, "peer", id)
		e.gauge("quorate_peer_incarnation", "Boot counter of the peer, by gossip.", float64(p.Inc), "peer", id)
		e.gauge("quorate_peer_load", "Operations open at the peer.", float64(p.Load), "peer", id)
	}
}

func (m *nodeMetrics) collectTransport(e *emitter) {
	t := m.node.transport
	for _, p := range t.byID {
		id := strconv.Itoa(int(p.id))
		up := 0.0
		if p.connected.Load() {
			up = 1
		}
		e.gauge("quorate_peer_connected", "1 while there is a connection to the peer.", up, "peer", id)
		e.counter("quorate_peer_connects_total", "Connections made to the peer.", float64(p.connects.Load()), "peer", id)
		e.counter("quorate_peer_writes_total", "Writes to the peer.", float64(p.writes.Load()), "peer", id)
		e.counter("quorate_peer_sent_bytes_total", "Bytes sent to the peer.", float64(p.sentBytes.Load()), "peer", id)
		e.counter("quorate_peer_sent_messages_total", "Messages sent to the peer.", float64(p.sentMessages.Load()), "peer", id)
		e.counter("quorate_peer_dropped_total", "Messages to the peer that were dropped.", float64(p.dropped.Load()), "peer", id)
	}
	e.counter("quorate_received_bytes_total", "Bytes received from peers.", float64(t.receivedBytes.Load()))
	e.counter("quorate_received_messages_total", "Messages received from peers.", float64(t.receivedMessages.Load()))
	e.counter("quorate_skipped_messages_total", "Messages from peers that were skipped: unknown, or not theirs to send.", float64(t.skipped.Load()))
	e.counter("quorate_refused_connections_total", "Connections of peers refused as too many at a time.", float64(t.refused.Load()))
	e.counter("quorate_dead_letters_total", "Batches to a process that was not there.", float64(m.node.deadCount.Load()+t.lost.Load()))
	e.counter("quorate_unroutable_total", "Messages to an address that is nobody's.", float64(m.node.router.unknown.Load()))
}

// emitter makes metrics as they are collected.
type emitter struct{ out chan<- prometheus.Metric }

func (e *emitter) counter(name, help string, v float64, labels ...string) {
	e.emit(prometheus.CounterValue, name, help, v, labels)
}

func (e *emitter) gauge(name, help string, v float64, labels ...string) {
	e.emit(prometheus.GaugeValue, name, help, v, labels)
}

// emit takes labels as names and values in turn.
func (e *emitter) emit(t prometheus.ValueType, name, help string, v float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), t, v, values...)
}
