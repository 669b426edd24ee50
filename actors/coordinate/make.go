package coordinate

import (
	"encoding/binary"
	"errors"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// make makes the object of a write, and the result that the operation will have
// once enough replicas hold it. It reports false if the operation has ended, or
// waits, instead.
func (s *Coordinator) make(c *actors.Context, f ref, p *part, it *msg.PutItem) bool {
	switch p.bucket.Policy {
	case kv.LWW:
		return s.makeNewest(c, f, p, it)
	case kv.Counters:
		return s.makeCount(c, f, p, it)
	}
	return s.makeSibling(c, f, p, it)
}

// makeNewest makes the object of a write under LWW: a register alone, unless
// there are siblings here that the write must drop.
func (s *Coordinator) makeNewest(c *actors.Context, f ref, p *part, it *msg.PutItem) bool {
	op := f.op()
	var base causal.Object
	if !s.store.Plain(p.id) || len(s.fresh) > 0 { // siblings of a time under another policy
		base = s.base(c, p, it.Key)
	}
	v, ok := s.value(c, f, p, base.Newest(), s.context(c, f, p))
	if !ok {
		return false
	}
	if len(base.Set.Siblings) > 0 {
		it.Object = base.PutNewest(v)
		s.keepFresh(it)
	} else {
		it.Object.Register = v
	}
	f.r.results[f.i] = kv.Result{TimeMs: v.Stamp.Ms, Causal: s.token(c, op, p, &it.Object)}
	return true
}

// makeSibling makes the object of a write under Siblings: what this node has of
// the key without what the client had seen, and the new value. It travels whole.
func (s *Coordinator) makeSibling(c *actors.Context, f ref, p *part, it *msg.PutItem) bool {
	op := f.op()
	base := s.base(c, p, it.Key)
	seen := s.context(c, f, p)
	v, ok := s.value(c, f, p, base.Newest(), seen)
	if !ok {
		return false
	}
	if seen == nil {
		seen = &causal.Seen{}
	}
	if reason := s.noRoom(&base, seen, op); reason != "" {
		s.finish(c, f, kv.Refused(reason))
		return false
	}
	s.renew(c)
	object, err := base.Put(*seen, &s.source, v)
	if err != nil {
		s.invalid(c, f, err)
		return false
	}
	it.Object = object
	s.keepFresh(it)
	s.stoodIn(p, it)
	f.r.results[f.i] = kv.Result{TimeMs: v.Stamp.Ms, Causal: s.token(c, op, p, &it.Object)}
	return true
}

// stoodIn remembers an event that was made without a replica here.
func (s *Coordinator) stoodIn(p *part, it *msg.PutItem) {
	remember := p.self < 0
	failpoint.Inject("bug-67-stand-in-forgets-its-events", func() { remember = false })
	if remember {
		s.standing = append(s.standing, it)
	}
}

// makeCount makes the object of an increment. The result is the value as this
// node knows it (Counter.Value for what is beyond 64 bits).
func (s *Coordinator) makeCount(c *actors.Context, f ref, p *part, it *msg.PutItem) bool {
	op := f.op()
	base := s.base(c, p, it.Key)
	s.renew(c)
	object, err := base.Add(s.source.ID(), op.Delta)
	if err != nil {
		s.finish(c, f, kv.Result{Status: kv.Overflow})
		return false
	}
	n, _ := object.Count.Value()
	res := kv.Result{Int: n, Found: len(base.Count) > 0}
	if object.IsZero() { // 0 added to nothing
		s.finish(c, f, res)
		return false
	}
	it.Object = object
	s.keepFresh(it)
	s.stoodIn(p, it)
	f.r.results[f.i] = res
	return true
}

// base is all that this node has of a key: what its store holds, its own last
// writes in this flush, which are about to arrive there, and where it stands in,
// what its handoff keeps.
func (s *Coordinator) base(c *actors.Context, p *part, key []byte) causal.Object {
	var base causal.Object
	if p.self >= 0 {
		base, _ = s.store.Lookup(p.id, key)
	} else if s.handoff != nil {
		base, _ = s.handoff.Lookup(p.id, key, c.WallMs)
	}
	if len(s.fresh) > 0 {
		if o, ok := s.fresh[string(s.freshKey(p.id, key))]; ok {
			return base.Merge(&o)
		}
	}
	return base
}

// keepFresh keeps an object for later writes of its key in the same flush.
func (s *Coordinator) keepFresh(it *msg.PutItem) {
	s.fresh[string(s.freshKey(it.Partition, it.Key))] = it.Object
}

func (s *Coordinator) freshKey(p kv.Partition, key []byte) []byte {
	b := binary.LittleEndian.AppendUint16(s.scratch.key[:0], uint16(p))
	s.scratch.key = append(b, key...)
	return s.scratch.key
}

// renew begins a new term of events if some that were made under the present
// one may be gone from this node: its next event would seem to know them.
func (s *Coordinator) renew(c *actors.Context) {
	if s.handoff == nil {
		return
	}
	if n := s.handoff.Deleted(); n != s.deleted || s.forgotten(c) {
		s.deleted = n
		s.source.Renew()
	}
}

// forgotten reports whether an event that this node made as a stand-in, where it
// has no replica, was not kept by its own handoff. The next event of that id
// would seem to know it, and a counter would begin again below it.
func (s *Coordinator) forgotten(c *actors.Context) bool {
	lost := false
	for _, it := range s.standing {
		if len(s.fresh) > 0 {
			if _, ok := s.fresh[string(s.freshKey(it.Partition, it.Key))]; ok {
				return false // of this flush: not yet on its way
			}
		}
		held, _ := s.handoff.Lookup(it.Partition, it.Key, c.WallMs)
		lost = lost || held.Compare(&it.Object)&causal.Before != 0
	}
	clear(s.standing)
	s.standing = s.standing[:0]
	return lost
}

// value stamps what an operation writes. The clock takes in what is here, here
// as a hint, and what the client has seen first, so that the write is above all.
func (s *Coordinator) value(c *actors.Context, f ref, p *part, hint causal.Stamp, seen *causal.Seen) (v causal.Value, ok bool) {
	if f.closed() { // the context was refused
		return v, false
	}
	op := f.op()
	err := s.clock.Update(s.store.Newest(), c.WallMs)
	if err == nil {
		err = s.clock.Update(hint, c.WallMs)
	}
	if err == nil && seen != nil {
		err = s.clock.Update(seen.Register, c.WallMs)
	}
	if err == nil {
		v.Stamp, err = s.clock.Now(c.WallMs)
	}
	switch {
	case errors.Is(err, causal.ErrNotReserved):
		s.unmarked = append(s.unmarked, f)
		return v, false
	case err != nil: // this node's clock is behind what it has itself given out or taken in
		s.stats.Skewed++
		if s.nextHop(c, f, p) == s.self { // nobody else can: in a while the clock may
			s.delay(c, f)
			return v, false
		}
		s.passOn(c, f, p)
		return v, false
	}
	if op.Kind == kv.OpDelete {
		v.Kind = kv.Tombstone
		return v, true
	}
	v.Kind, v.Data, v.Media = kv.Value, op.Value, op.Media
	v.ExpiresMs = causal.ExpiresAt(v.Stamp, p.ttlMs(op))
	return v, true
}

// ttlMs is the life of a value that an operation writes, 0 for ever.
func (p *part) ttlMs(op *msg.Op) int64 {
	if op.Tuning != nil && op.Tuning.TTLMs != 0 {
		return max(op.Tuning.TTLMs, 0)
	}
	return p.bucket.TTLMs
}

// context reads the token that came with an operation, nil if none did. One
// that can't be read ends the operation.
func (s *Coordinator) context(c *actors.Context, f ref, p *part) *causal.Seen {
	t := f.op().Tuning
	if t == nil || t.Context == "" {
		return nil
	}
	seen, err := causal.ParseToken(t.Context, causal.TokenBucket(p.bucket), f.op().Key)
	if err != nil {
		s.invalid(c, f, err)
		return nil
	}
	return &seen
}

// token returns the context of an object that a write made, if the operation
// wants it. A context speaks for every sibling in the object, so that the next
// write with it drops them: the client is shown those that it did not write.
func (s *Coordinator) token(c *actors.Context, op *msg.Op, p *part, o *causal.Object) *kv.Causal {
	if op.Tuning == nil || !op.Tuning.WantContext {
		return nil
	}
	alone := p.bucket.Policy != kv.Siblings
	failpoint.Inject("bug-66-context-without-its-siblings", func() { alone = true })
	if alone {
		return &kv.Causal{Context: tokenOf(p, op.Key, o)}
	}
	return s.result(c, p, op, o).Causal
}

// tokenOf is "" for a context that is too long to be carried: without it a write
// keeps all siblings, which loses nothing.
func tokenOf(p *part, key []byte, o *causal.Object) string {
	b, err := causal.AppendToken(nil, o.Seen(), causal.TokenBucket(p.bucket), key)
	if err != nil {
		return ""
	}
	return string(b)
}

// reserve asks for a higher mark of the clock when the present one is half used up.
func (s *Coordinator) reserve(c *actors.Context) {
	if mark, ok := s.clock.Reserve(c.WallMs); ok {
		s.marked = max(s.marked, mark)
		s.scratch.clock = msg.ClockRecord{Partition: kv.Partition(s.cfg.Lane), MarkMs: mark}
		c.Persist(&s.scratch.clock)
		c.SendDurable(s.self.coordinator, &msg.MarkDurable{MarkMs: mark})
	}
}

// markDurable lets the writes go on that have waited for the mark.
func (s *Coordinator) markDurable(m *msg.MarkDurable) {
	s.clock.Reserved(m.MarkMs)
	s.writes = append(s.writes, s.unmarked...)
	clear(s.unmarked)
	s.unmarked = s.unmarked[:0]
}
