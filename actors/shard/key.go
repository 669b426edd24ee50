package shard

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/quorum"
)

// phase of a key at its owner.
type phase uint8

const (
	idle phase = iota
	touching
	accepting
)

// key is a key with operations waiting or a round under way.
//
//  1. At most one round is under way; operations that come meanwhile wait and
//     fold into the next.
//  2. round names the request that answers must be for; it changes with every
//     new question, so that late answers are recognised.
type key struct {
	p        *partition
	raw      []byte // its name, part of a message
	waiting  []ref
	running  []execution // operations folded into the round under way
	reg      kv.Register // accepting: the register on its way
	best     kv.Register // touching: the newest one seen; accepting: what the round builds on
	votes    quorum.Tally
	round    uint64
	sentNs   int64 // when the question was last put
	waitNs   int64 // until it is put again
	orderAt  int   // position in p.order
	activeAt int   // position in Shard.active, -1 if not there
	phase    phase
	askedFor int  // touching: so many of waiting had come when the touch left
	agree    bool // touching: all answers had the same version
	refresh  bool // make all replicas hold the key's newest value
	isReady  bool
	gone     bool // forgotten, or lost with the ownership
}

// execution is an operation together with the result it will have. Shown: the
// touch that has just ended left after the operation had arrived, so that the
// result needs no confirm.
type execution struct {
	f     ref
	res   kv.Result
	shown bool
}

// admit takes an operation on at its owner.
func (s *Shard) admit(c *actors.Context, p *partition, f ref) {
	if !s.isOwner(c, p) {
		s.reroute(c, f)
		return
	}
	if !s.setsOut(c, f, s.self) {
		return
	}
	f.set(placed)
	op := f.op()
	k := p.key(op.Key)
	if op.Kind == kv.OpGet && s.readsNow(p, k, op.Key) {
		reg := s.local.Lookup(p.id, op.Key)
		s.reads.add(p, f, readResult(&op.Op, &reg))
		return
	}
	if k == nil {
		k = s.newKey(p, op.Key)
	}
	k.waiting = append(k.waiting, f)
	s.makeReady(k)
}

// readsNow reports whether a read may be answered from this node's copy, after
// a confirm: the key has been touched and no write of it is under way.
func (s *Shard) readsNow(p *partition, k *key, name []byte) bool {
	quiet := k == nil
	failpoint.Inject("bug-51-read-beside-write-in-flight", func() { quiet = true })
	return quiet && s.isTouched(p, name)
}

func (s *Shard) makeReady(k *key) {
	if !k.isReady {
		k.isReady = true
		s.ready = append(s.ready, k)
	}
}

// newKey takes up a key. Its bytes are kept, as part of the operation they came with.
func (s *Shard) newKey(p *partition, raw []byte) *key {
	var k *key
	if n := len(s.freeKey); n > 0 {
		k = s.freeKey[n-1]
		s.freeKey = s.freeKey[:n-1]
	} else {
		k = &key{}
	}
	*k = key{p: p, raw: raw, activeAt: -1, round: k.round, waiting: k.waiting[:0], running: k.running[:0]}
	p.enter(k)
	return k
}

// forget drops a key with nothing left to do.
func (s *Shard) forget(k *key) {
	k.p.leave(k)
	k.gone = true
	s.release(k)
	if cap(k.waiting) > maxSpare || cap(k.running) > maxSpare {
		k.waiting, k.running = nil, nil
	}
	if !k.isReady && len(s.freeKey) < 4096 {
		s.freeKey = append(s.freeKey, k)
	}
}

// maxSpare is the number of operations for which a key that is done keeps room.
const maxSpare = 64

// release ends a key's round; answers to it find nothing.
func (s *Shard) release(k *key) {
	k.round++
	k.phase = idle
	k.refresh = false
	if k.activeAt >= 0 {
		last := len(s.active) - 1
		s.active[k.activeAt] = s.active[last]
		s.active[k.activeAt].activeAt = k.activeAt
		s.active[last] = nil
		s.active = s.active[:last]
		k.activeAt = -1
	}
}

func (s *Shard) isTouched(p *partition, name []byte) bool {
	failpoint.Inject("noop-903-touched-every-time", func() { failpoint.Return(false) })
	if p.whole {
		return true
	}
	if _, ok := p.touched[string(name)]; ok {
		return true
	}
	reg := s.local.Lookup(p.id, name)
	return reg.Version.Ballot == p.ballot
}

// maxTouched bounds the touched keys that are remembered beside those written
// under the ballot. Forgetting costs another touch.
const maxTouched = 1 << 16

func (s *Shard) markTouched(p *partition, name string) {
	if p.whole {
		return
	}
	if len(p.touched) >= maxTouched {
		clear(p.touched)
	}
	p.touched[name] = struct{}{}
}

// startRound begins a touch, or executes what waits.
func (s *Shard) startRound(c *actors.Context, k *key) {
	p := k.p
	if k.gone || k.phase != idle || !s.isOwner(c, p) {
		return
	}
	if s.isTouched(p, k.raw) {
		k.askedFor = 0
		s.execute(c, k, s.local.Lookup(p.id, k.raw), true)
		return
	}
	s.stats.Touches++
	k.phase = touching
	k.best, k.agree, k.askedFor = kv.Register{}, true, len(k.waiting)
	s.ask(c, k, func(m *peer) { s.sendTouch(k, m) })
}

// ask opens a vote on a new question and puts it to the replicas: to those that
// seem alive if they are a majority, else to all.
func (s *Shard) ask(c *actors.Context, k *key, send func(*peer)) {
	k.round++
	k.votes = quorum.New(len(k.p.prefs))
	k.sentNs, k.waitNs = c.NowNs, s.cfg.ResendNs
	if k.activeAt < 0 {
		k.activeAt = len(s.active)
		s.active = append(s.active, k)
	}
	alive := 0
	for _, m := range k.p.prefs {
		if !m.dead {
			alive++
		}
	}
	for _, m := range k.p.prefs {
		if !m.dead || alive < quorum.Majority(len(k.p.prefs)) {
			send(m)
		} else {
			k.p.leveling.dirty = true
		}
	}
}

func (s *Shard) sendTouch(k *key, m *peer) {
	have := s.local.Lookup(k.p.id, k.raw).Version
	m.out.touch = append(m.out.touch, msg.TouchItem{Key: k.raw, Ballot: k.p.ballot, Have: have, Partition: k.p.id})
	m.out.touchFor = append(m.out.touchFor, keyRound{k, k.round})
}

// touchedReply tallies what replicas hold.
func (s *Shard) touchedReply(c *actors.Context, m *msg.Touched) {
	x := s.answered(c, m.ID)
	if x == nil || len(m.Items) > len(x.touch) {
		return
	}
	for _, kr := range x.touch[len(m.Items):] { // too much for one answer
		if kr.k.round == kr.round && kr.k.phase == touching {
			s.sendTouch(kr.k, x.to)
		}
	}
	for i, kr := range x.touch[:len(m.Items)] {
		k, it := kr.k, &m.Items[i]
		if k.round != kr.round || k.phase != touching || !s.isOwner(c, k.p) {
			continue // not the owner: this node's copy, on which the data spared counts, may be another's by now
		}
		if it.Refused {
			k.votes.No(k.p.indexOf(x.to.node))
			s.contest(c, k.p, it.Promised, k.votes)
			continue
		}
		s.countTouch(c, k, k.p.indexOf(x.to.node), &it.Register)
	}
}

func (s *Shard) countTouch(c *actors.Context, k *key, at int, reg *kv.Register) {
	p := k.p
	if k.votes.Voted(at) {
		return
	}
	local := s.local.Lookup(p.id, k.raw)
	if reg.Version == local.Version {
		reg = &local // the data was spared
	}
	first := k.votes.Missing() == len(p.prefs)
	if !first && reg.Version != k.best.Version {
		k.agree = false
	}
	adopt := first || k.best.Version.Less(reg.Version)
	failpoint.Inject("bug-12-highest-version-not-adopted", func() { adopt = first })
	if adopt {
		k.best = *reg
	}
	k.votes.Yes(at)
	if k.votes.Outcome() != quorum.Won {
		return
	}
	settled := k.agree && local.Version == k.best.Version
	failpoint.Inject("bug-15-read-without-write-back", func() { settled = true })
	best := k.best
	failpoint.Inject("bug-64-touch-answers-later-reads", func() { k.askedFor = len(k.waiting) })
	k.phase = idle
	k.round++
	if settled {
		s.markTouched(p, string(k.raw))
	}
	s.execute(c, k, best, settled)
}
