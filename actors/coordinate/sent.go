package coordinate

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// target is a replica, by position, that a write goes to.
type target struct {
	w   *write
	pos int
}

// asked is a replica, by position, that a read asks.
type asked struct {
	rd  *read
	pos int
}

// kept is a replica, by position, for which somebody keeps a write's object.
type kept struct {
	w      *write
	pos    int
	counts bool // as a stand-in, where the bucket is sloppy
}

// outbox gathers what leaves for one peer at the end of a batch.
type outbox struct {
	items   []*msg.PutItem // of clients' writes, and of write-backs of abd
	itemFor []target
	mends   []*msg.PutItem // of read repair
	mendFor []target
	gets    []msg.FetchItem
	getFor  []asked
	stands  []msg.FetchItem // for its handoff
	standOf []asked
	hints   []kept
	forward []ref

	// How much the last batch had: slices that have left are not used again, so
	// each batch makes its own, of about the right length.
	lastItems, lastGets int
}

func (o *outbox) put(why msg.Why, t target) {
	if why == msg.ForRead {
		o.mends, o.mendFor = append(o.mends, t.w.item), append(o.mendFor, t)
		return
	}
	if o.items == nil {
		o.items, o.itemFor = make([]*msg.PutItem, 0, o.lastItems+1), make([]target, 0, o.lastItems+1)
	}
	o.items, o.itemFor = append(o.items, t.w.item), append(o.itemFor, t)
}

func (o *outbox) get(p kv.Partition, a asked) {
	if o.gets == nil {
		o.gets, o.getFor = make([]msg.FetchItem, 0, o.lastGets+1), make([]asked, 0, o.lastGets+1)
	}
	o.gets = append(o.gets, msg.FetchItem{Key: a.rd.f.op().Key, Have: a.rd.haveDigest, Partition: p})
	o.getFor = append(o.getFor, a)
}

func (o *outbox) stand(p kv.Partition, a asked) {
	o.stands = append(o.stands, msg.FetchItem{Key: a.rd.f.op().Key, Partition: p})
	o.standOf = append(o.standOf, a)
}

// sent is a request without an answer yet. One of put, get, hint is set.
type sent struct {
	id      uint64
	to      *peer
	address actors.Address
	message actors.Message
	put     []target
	get     []asked
	hint    []kept
	target  kv.NodeID // of hint
	atNs    int64
	nextNs  int64 // when it is repeated
	tries   uint8
	covered bool // its silence has been dealt with
	idle    bool // no operation waits for the answer
	over    bool // answered, or nobody waits any more
}

// send lets a request leave and remembers it.
func (s *Coordinator) send(c *actors.Context, x *sent) {
	x.atNs, x.nextNs = c.NowNs, c.NowNs+s.cfg.ResendNs
	s.sent[x.id] = x
	s.fifo = append(s.fifo, x)
	s.unstored += len(x.put)
	c.Send(x.address, x.message)
}

// forget ends the wait for an answer.
func (s *Coordinator) forget(x *sent) {
	x.over = true
	x.message = nil
	s.unstored -= len(x.put)
	delete(s.sent, x.id)
}

// flushPeer sends what was gathered for one peer. Puts leave before fetches:
// a read of a batch may be of a key that the batch has written.
func (s *Coordinator) flushPeer(c *actors.Context, p *peer) {
	o := &p.out
	if len(o.items) > 0 {
		o.lastItems = len(o.items)
	}
	if len(o.gets) > 0 {
		o.lastGets = len(o.gets)
	}
	for len(o.items) > 0 {
		epoch := o.itemFor[0].w.part.epoch
		n := under(epoch, msg.Fitting(o.items, putSize), func(i int) kv.Epoch { return o.itemFor[i].w.part.epoch })
		x := &sent{id: s.newID(), to: p, address: p.store, put: o.itemFor[:n:n]}
		x.message = &msg.Put{ID: x.id, SentMs: c.WallMs, Epoch: epoch, Why: msg.ForWrite, Items: o.items[:n:n]}
		s.send(c, x)
		o.items, o.itemFor = o.items[n:], o.itemFor[n:]
	}
	for len(o.mends) > 0 {
		epoch := o.mendFor[0].w.part.epoch
		n := under(epoch, msg.Fitting(o.mends, putSize), func(i int) kv.Epoch { return o.mendFor[i].w.part.epoch })
		x := &sent{id: s.newID(), to: p, address: p.store, put: o.mendFor[:n:n]}
		x.message = &msg.Put{ID: x.id, SentMs: c.WallMs, Epoch: epoch, Why: msg.ForRead, Items: o.mends[:n:n]}
		s.send(c, x)
		o.mends, o.mendFor = o.mends[n:], o.mendFor[n:]
	}
	o.gets, o.getFor = s.flushGets(c, p, p.store, o.gets, o.getFor)
	o.stands, o.standOf = s.flushGets(c, p, p.handoff, o.stands, o.standOf)
	if len(o.hints) > 0 {
		s.flushHints(c, p)
	}
	if len(o.forward) > 0 {
		s.flushForwards(c, p)
	}
	o.items, o.itemFor, o.mends, o.mendFor = nil, nil, nil, nil
}

// flushGets sends fetches and returns what they were gathered in, emptied.
func (s *Coordinator) flushGets(c *actors.Context, p *peer, to actors.Address, gets []msg.FetchItem, of []asked) ([]msg.FetchItem, []asked) {
	for len(gets) > 0 {
		epoch := of[0].rd.part.epoch
		n := under(epoch, msg.Fitting(gets, func(it *msg.FetchItem) int { return len(it.Key) }), func(i int) kv.Epoch { return of[i].rd.part.epoch })
		x := &sent{id: s.newID(), to: p, address: to, get: of[:n:n]}
		x.message = &msg.Fetch{ID: x.id, Epoch: epoch, Items: gets[:n:n]}
		s.send(c, x)
		gets, of = gets[n:], of[n:]
	}
	return nil, nil
}

func putSize(it **msg.PutItem) int {
	n := len((*it).Key) + len((*it).Object.Register.Data)
	for i := range (*it).Object.Set.Siblings {
		n += len((*it).Object.Set.Siblings[i].Value.Data)
	}
	return n
}

// under is how many of the first n items began under the map of an epoch: a
// message is of one, so that nothing gets into a bucket that is newer than it.
func under(epoch kv.Epoch, n int, of func(i int) kv.Epoch) int {
	for i := range n {
		if of(i) != epoch {
			return i
		}
	}
	return n
}

// boundAnswer keeps the answer to a forward within what a message may carry.
// Forwarded operations are writes, whose results are small but for tokens.
func boundAnswer(r *request) {
	bytes := 0
	for i := range r.results {
		if x := r.results[i].Causal; x != nil {
			if bytes += len(x.Context); bytes > msg.BatchBytes {
				r.results[i].Causal = nil
			}
		}
	}
}
