package node

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anthdm/hollywood/actor"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// transport is the engine's remoter: it carries batches between nodes.
type transport struct {
	node  *Node
	peers map[string]*peer // by engine address
	byID  map[kv.NodeID]*peer

	listener net.Listener
	shaking  chan struct{} // one token per unproven inbound connection
	cancel   context.CancelFunc
	conns    sync.WaitGroup

	mu   sync.Mutex
	open map[net.Conn]struct{} // inbound, so that stop can close them

	receivedBytes, receivedMessages, skipped, refused, lost atomic.Uint64
}

func newTransport(n *Node, l net.Listener) *transport {
	t := &transport{
		node: n, listener: l, peers: map[string]*peer{}, byID: map[kv.NodeID]*peer{}, open: map[net.Conn]struct{}{},
		shaking: make(chan struct{}, n.cfg.Limits.Handshakes),
	}
	for i := range n.cfg.Members {
		if m := &n.cfg.Members[i]; m.ID != n.cfg.Node {
			p := newPeer(t, m)
			t.peers[engineAddress(m.ID)] = p
			t.byID[m.ID] = p
		}
	}
	return t
}

// Address implements actor.Remoter.
func (t *transport) Address() string { return engineAddress(t.node.cfg.Node) }

// Start implements actor.Remoter. Nothing is accepted before open is called:
// NewEngine has not returned yet.
func (t *transport) Start(*actor.Engine) error { return nil }

// Send implements actor.Remoter. It never blocks.
func (t *transport) Send(to *actor.PID, m any, _ *actor.PID) {
	b, ok := m.(*batch)
	p := t.peers[to.Address]
	if !ok || p == nil {
		t.lost.Add(1)
		return
	}
	p.enqueue(b.envelopes)
}

// Stop implements actor.Remoter: it closes everything. The group is done when
// all goroutines have ended.
func (t *transport) Stop() *sync.WaitGroup {
	if t.cancel != nil {
		t.cancel()
	}
	if t.listener != nil {
		_ = t.listener.Close() // nothing is lost by it
	}
	t.mu.Lock()
	for c := range t.open {
		_ = c.Close() // as above
	}
	t.open = nil
	t.mu.Unlock()
	return &t.conns
}

// launch begins to dial and to accept.
func (t *transport) launch() {
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	for _, p := range t.peers {
		t.conns.Go(func() { p.run(ctx) })
	}
	if t.listener != nil {
		t.conns.Go(t.accept)
	}
}

func (t *transport) accept() {
	for {
		c, err := t.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: wait for some to come back
			t.node.log.Error("can't accept a peer", "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		select {
		case t.shaking <- struct{}{}:
		default: // too many at a time
			t.refused.Add(1)
			_ = c.Close()
			continue
		}
		if !t.track(c) {
			_ = c.Close() // stopping
			return
		}
		t.conns.Go(func() { t.serve(c) })
	}
}

func (t *transport) track(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		return false
	}
	t.open[c] = struct{}{}
	return true
}

func (t *transport) untrack(c net.Conn) {
	_ = c.Close() // it is over either way
	t.mu.Lock()
	delete(t.open, c)
	t.mu.Unlock()
}

// serve shakes hands and then reads until the connection ends.
func (t *transport) serve(c net.Conn) {
	defer t.untrack(c)
	defer t.node.stopOnPanic("inbound", 0)
	n := t.node
	_ = c.SetDeadline(time.Now().Add(n.cfg.Timing.Handshake)) // fails only on a closed connection
	h, err := shakeIn(c, &n.cfg, &n.boot, func(h *hello) error { return t.byID[h.node].admit(h) })
	<-t.shaking
	if err != nil {
		n.metrics.handshakeFailed(err)
		if n.complaints.allow() {
			n.log.Warn("refused a connection on the peer port", "from", c.RemoteAddr().String(), "err", err)
		}
		return
	}
	_ = c.SetDeadline(time.Time{}) // as above
	p := t.byID[h.node]
	in := newInboundConn(t, p, c, h.inc)
	if old := p.inbound.Swap(in); old != nil {
		_ = old.conn.Close() // the peer has a newer one
	}
	signal(p.kick)
	err = in.read()
	p.inbound.CompareAndSwap(in, nil)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		n.log.Warn("closed the connection from a peer", "peer", p.id, "err", err)
	}
}

// inboundConn reads one peer's messages. It belongs to one goroutine.
type inboundConn struct {
	t    *transport
	peer *peer
	conn net.Conn
	inc  kv.Incarnation
	out  *outbox

	busyAt time.Time // when the detector was last told of a large message
}

func newInboundConn(t *transport, p *peer, c net.Conn, inc kv.Incarnation) *inboundConn {
	return &inboundConn{t: t, peer: p, conn: c, inc: inc, out: newOutbox(t.node.router, false)}
}

// read hands over frame after frame, each as one batch per lane.
func (in *inboundConn) read() error {
	r := bufio.NewReaderSize(in.conn, 64<<10)
	cfg := &in.t.node.cfg
	// One envelope may be as large as a message, and one more than begins the next frame.
	limit := cfg.Limits.MessageBytes + frameTarget + frameHeader + envelopeHeader
	var deadline time.Time
	for {
		if now := time.Now(); now.Add(cfg.Timing.Idle / 2).After(deadline) {
			deadline = now.Add(cfg.Timing.Idle)
			_ = in.conn.SetReadDeadline(deadline) // fails only on a closed connection, as the read then does
		}
		body, err := readFrame(r, limit, in.busy)
		if err != nil {
			return err
		}
		if uint32(in.inc) < in.peer.inc.Load() {
			return refuse("incarnation", "incarnation %d of node %d is over", in.inc, in.peer.id)
		}
		if err := in.deliver(body); err != nil {
			return err
		}
	}
}

// busy tells the detector now and then that a large frame is arriving: the
// peer's own signs of life wait behind it.
func (in *inboundConn) busy() {
	n := in.t.node
	if now := time.Now(); now.Sub(in.busyAt) >= n.cfg.Timing.Heartbeat {
		in.busyAt = now
		n.tellDetector(&msg.LinkBusy{Node: in.peer.id, Inc: in.inc})
	}
}

// deliver sends the envelopes of a frame on. One of an unknown type, or to
// nobody, is skipped.
func (in *inboundConn) deliver(body []byte) error {
	t := in.t
	self := t.node.cfg.Node
	t.receivedBytes.Add(uint64(len(body) + frameHeader))
	count := uint64(0)
	for len(body) > 0 {
		b, rest, err := nextEnvelope(body)
		if err != nil {
			return err
		}
		body = rest
		e, err := msg.DecodeEnvelope(b, in.peer.id, self)
		if err != nil && !errors.Is(err, msg.ErrUnknownType) {
			return err
		}
		if err != nil || !acceptable(e.To.Kind, e.Message) {
			t.skipped.Add(1)
			continue
		}
		count++
		in.out.add(&e, len(b))
	}
	t.receivedMessages.Add(count)
	in.out.send()
	return nil
}
