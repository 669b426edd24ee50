package node

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// peer is this node's way to one other: a bounded queue, and one goroutine that
// dials and writes. Whoever sends only appends to the queue, so a peer that is
// down or does not read can't hold up anything but itself. A connection
// carries messages one way; the peer dials its own for the other way.
type peer struct {
	t    *transport
	id   kv.NodeID
	addr string
	wake chan struct{} // 1-buffered: there is something to write
	kick chan struct{} // 1-buffered: the peer was heard, dial now

	mu      sync.Mutex
	pending frames

	inc     atomic.Uint32 // the newest incarnation that has proved itself
	store   atomic.Uint64 // its data directory, 0 before it was ever met
	inbound atomic.Pointer[inboundConn]
	failing string // why the last dial failed, so that it is logged once

	sentBytes, sentMessages, dropped, connects, writes atomic.Uint64
	connected, writing                                 atomic.Bool
}

func newPeer(t *transport, m *Member) *peer {
	p := &peer{t: t, id: m.ID, addr: m.Endpoints.Peer, wake: make(chan struct{}, 1), kick: make(chan struct{}, 1)}
	p.store.Store(t.node.stores[m.ID])
	return p
}

// enqueue encodes the envelopes into the queue, as far as it has room.
func (p *peer) enqueue(es []actors.Envelope) {
	l := &p.t.node.cfg.Limits
	dropped := 0
	p.mu.Lock()
	first := p.pending.count == 0
	for i := range es {
		full := p.pending.count > 0 && (p.pending.count >= l.PeerMessages || len(p.pending.buf) >= l.PeerBytes)
		if full || !p.pending.add(&es[i], l.MessageBytes) {
			dropped++
		}
	}
	p.mu.Unlock()
	if dropped > 0 {
		p.dropped.Add(uint64(dropped))
	}
	if first {
		signal(p.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take swaps the queue with spare, which is empty.
func (p *peer) take(spare *frames) {
	p.mu.Lock()
	p.pending, *spare = *spare, p.pending
	p.mu.Unlock()
}

// run is the peer's goroutine.
func (p *peer) run(ctx context.Context) {
	defer p.t.node.stopOnPanic("peer", int(p.id))
	var conn *outboundConn
	var spare frames
	var pause time.Duration
	for {
		select {
		case <-ctx.Done():
			conn.close()
			return
		case <-p.wake:
		}
		if conn.broken() {
			conn.close()
			p.connected.Store(false)
			var err error
			if conn, err = p.dial(ctx); err != nil {
				conn = nil
				p.unreachable(ctx, err)
				pause = p.rest(ctx, pause)
				p.discard(&spare)
				signal(p.wake) // to dial again
				continue
			}
			pause = 0
		}
		p.writing.Store(true)
		letGather()
		p.take(&spare)
		p.write(conn, &spare)
		spare.reset()
		p.writing.Store(false)
	}
}

// unreachable deals with a failed dial.
func (p *peer) unreachable(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	p.t.linkDown(p.id)
	if p.failing != err.Error() {
		p.failing = err.Error()
		p.t.node.log.Warn("can't reach a peer", "peer", p.id, "addr", p.addr, "err", err)
	}
}

// discard drops what has waited while nothing could leave. Its senders have sent
// it again since, kept it as a hint, or given it up.
func (p *peer) discard(spare *frames) {
	p.take(spare)
	p.dropped.Add(uint64(spare.count))
	spare.reset()
}

// rest waits before the next dial, twice as long each time, and less if the
// peer is heard in the meantime. It returns the pause for the next time.
func (p *peer) rest(ctx context.Context, pause time.Duration) time.Duration {
	tm := &p.t.node.cfg.Timing
	pause = min(max(2*pause, tm.RedialMin), tm.RedialMax)
	wait := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	case <-p.kick:
		pause = 0
	}
	return pause
}

// write sends everything with one write. What was in a failed write is lost;
// the actors send again what matters.
func (p *peer) write(conn *outboundConn, f *frames) {
	if f.count == 0 {
		return
	}
	f.seal()
	// A deadline per write is a timer operation per write: move it only when
	// it has come nearer than half.
	tm := &p.t.node.cfg.Timing
	if now := time.Now(); now.Add(tm.Write / 2).After(conn.deadline) {
		conn.deadline = now.Add(tm.Write)
		_ = conn.SetWriteDeadline(conn.deadline) // fails only on a closed connection, as the write then does
	}
	if _, err := conn.Write(f.buf); err != nil {
		p.dropped.Add(uint64(f.count))
		conn.fail(err)
		return
	}
	p.writes.Add(1)
	p.sentMessages.Add(uint64(f.count))
	p.sentBytes.Add(uint64(len(f.buf)))
}

// outboundConn is a connection that has been shaken hands on. Nothing comes
// back on it, so its reader only waits for its end. A nil one is broken.
type outboundConn struct {
	net.Conn
	peer     *peer
	deadline time.Time
	down     atomic.Bool
}

func (c *outboundConn) broken() bool { return c == nil || c.down.Load() }

func (c *outboundConn) close() {
	if c != nil {
		c.down.Store(true)
		_ = c.Close() // it is over either way
	}
}

// fail closes the connection and tells the detector, once.
func (c *outboundConn) fail(err error) {
	if c.down.Swap(true) {
		return
	}
	_ = c.Close() // it is over either way
	c.peer.connected.Store(false)
	c.peer.t.linkDown(c.peer.id)
	if !errors.Is(err, net.ErrClosed) {
		c.peer.t.node.log.Info("lost the connection to a peer", "peer", c.peer.id, "err", err)
	}
}

func (p *peer) dial(ctx context.Context) (*outboundConn, error) {
	n := p.t.node
	d := net.Dialer{Timeout: n.cfg.Timing.Dial}
	raw, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() }) // ends a handshake that hangs
	defer stop()
	_ = raw.SetDeadline(time.Now().Add(n.cfg.Timing.Handshake)) // fails only on a closed connection
	theirs, err := shakeOut(raw, &n.cfg, &n.boot, p.id)
	if err == nil {
		err = p.admit(&theirs)
	}
	if err != nil {
		_ = raw.Close() // the first error is the one that counts
		n.metrics.handshakeFailed(err)
		return nil, err
	}
	_ = raw.SetDeadline(time.Time{}) // as above
	conn := &outboundConn{Conn: raw, peer: p}
	p.connects.Add(1)
	p.connected.Store(true)
	p.failing = ""
	n.log.Info("connected to a peer", "peer", p.id, "addr", p.addr, "inc", theirs.inc)
	p.t.conns.Go(func() {
		_, err := io.Copy(io.Discard, raw)
		if err == nil {
			err = io.EOF
		}
		conn.fail(err)
	})
	return conn, nil
}

// admit refuses a peer that comes with another data directory than before, or
// with an incarnation that is older than one which was seen. A node that has
// lost its data has forgotten what it promised: it may not vote as the one it was.
func (p *peer) admit(h *hello) error {
	inc := h.inc
	switch known := p.store.Load(); {
	case known == h.store:
	case known != 0:
		return refuse("store", "node %d comes with another data directory (store %016x, known is %016x): "+
			"it has forgotten what it promised and can't go on under this id; give it its old directory back", p.id, h.store, known)
	case p.store.CompareAndSwap(0, h.store):
		p.t.node.journal.note(&msg.PeerRecord{Node: p.id, Store: h.store})
	default:
		return p.admit(h) // met twice at once
	}
	for {
		known := p.inc.Load()
		if uint32(inc) < known {
			return refuse("incarnation", "incarnation %d of node %d is over, %d has been seen: was an old copy of its data directory started?", inc, p.id, known)
		}
		if p.inc.CompareAndSwap(known, uint32(inc)) {
			return nil
		}
	}
}

// stores lists the data directories of the members that have been met.
func (t *transport) stores() []msg.PeerRecord {
	var known []msg.PeerRecord
	for _, m := range t.node.cfg.Members {
		if p := t.byID[m.ID]; p != nil && p.store.Load() != 0 {
			known = append(known, msg.PeerRecord{Node: m.ID, Store: p.store.Load()})
		}
	}
	return known
}

// settle waits until what is queued for connected peers has been written, or
// the time is up.
func (t *transport) settle(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(time.Millisecond) {
		busy := false
		for _, p := range t.byID {
			p.mu.Lock()
			queued := p.pending.count > 0
			p.mu.Unlock()
			busy = busy || p.connected.Load() && (queued || p.writing.Load())
		}
		if !busy {
			return
		}
	}
}

// linkDown tells the detector.
func (t *transport) linkDown(id kv.NodeID) { t.node.tellDetector(&msg.LinkDown{Node: id}) }

// tellDetector sends the node's own detector what the host has noticed.
func (n *Node) tellDetector(m actors.Message) {
	self := actors.Address{Node: n.cfg.Node, Kind: actors.Detector}
	n.router.send(0, &batch{own: true, envelopes: []actors.Envelope{{Message: m, From: self, To: self}}})
}
