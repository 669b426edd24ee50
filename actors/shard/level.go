package shard

import (
	"bytes"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/quorum"
)

// An owner brings the other replicas of its partitions level: it compares
// digests, then lists keys and versions of the buckets that differ, and has the
// keys that differ accepted again, so that a replica that was away receives
// only what it lacks. Values are never copied from replica to replica behind
// the ballot's back.

// leveler is the background work of a shard.
type leveler struct {
	nextNs int64       // of the next sweep
	sweeps int         // so far
	missed bool        // a round was not answered by somebody
	todo   []*levelJob // comparisons that have not begun or go on
}

// partLevel is the background state of one partition.
type partLevel struct {
	dirty     bool   // some replica may differ
	levelled  []bool // per replica: compared, and sent what it lacked, since it came back
	graveKey  string // tombstones up to this key have been looked at in this pass
	checkMark uint64 // see sendConfirm
}

// levelJob compares one partition with one replica.
type levelJob struct {
	p      *partition
	ballot kv.Ballot
	at     int
	seq    uint64 // of the partition when the replica was asked
	mask   uint64 // buckets that differ; 0: not compared yet
	after  []byte
}

const (
	fullSweepEvery = 12  // sweeps: then clean partitions are compared too
	levelJobs      = 32  // comparisons begun per tick
	levelChunk     = 512 // keys per listing
	gravesPerSweep = 1024
)

// levelPeer makes the next sweep compare everything with a peer that came back.
func (s *Shard) levelPeer(m *peer) {
	for _, p := range s.parts.All() {
		if p.role != owner {
			continue
		}
		if at := p.indexOf(m.node); at >= 0 {
			p.leveling.levelled[at] = false
			p.leveling.dirty = true
			s.level.nextNs = min(s.level.nextNs, m.aliveSinceNs+2*s.cfg.ResendNs)
		}
	}
}

// unanswered notes that a peer may have missed something.
func (s *Shard) unanswered(x *sent) {
	if x.accept != nil {
		s.level.missed = true
	}
	if x.level != nil {
		x.level.p.leveling.dirty = true
	}
	for _, r := range x.versions {
		r.sentNs = 0 // ends at the next look
	}
}

// runLevel goes on with comparisons, and begins a sweep when one is due.
func (s *Shard) runLevel(c *actors.Context) {
	if c.NowNs >= s.level.nextNs {
		s.sweep(c)
	}
	for n := 0; n < levelJobs && len(s.level.todo) > 0 && len(s.active) < levelChunk; n++ {
		j := s.level.todo[0]
		s.level.todo = s.level.todo[1:]
		s.runJob(c, j)
	}
}

// sweep looks at every partition once.
func (s *Shard) sweep(c *actors.Context) {
	s.level.sweeps++
	s.level.nextNs = c.NowNs + s.cfg.LevelNs*3/4 + c.Rand.Int64N(s.cfg.LevelNs/2+1)
	full := s.level.missed || s.level.sweeps%fullSweepEvery == 0
	s.level.missed = false
	comparing := len(s.level.todo) > 0 // of the sweep before: that ends first
	for _, p := range s.parts.All() {
		if p.self < 0 {
			continue
		}
		if p.role == follower && !s.claimOf(p).IsZero() && p.winnable() && s.target(c, p, false) == s.self {
			s.prepare(c, p) // an orphan: its owner died, or was an earlier boot of this node
			continue
		}
		if p.role != owner || !s.isOwner(c, p) {
			continue
		}
		p.leveling.dirty = p.leveling.dirty || full
		if p.leveling.dirty && !comparing {
			s.compareAll(p)
		}
		s.sweepGraves(c, p)
		s.giveBack(c, p)
	}
}

func (s *Shard) compareAll(p *partition) {
	p.leveling.dirty = false
	for i, m := range p.prefs {
		if i == p.self {
			continue
		}
		if m.dead {
			p.leveling.dirty = true
			continue
		}
		s.level.todo = append(s.level.todo, &levelJob{p: p, ballot: p.ballot, at: i})
	}
}

func (j *levelJob) stale() bool { return j.p.role != owner || j.p.ballot != j.ballot }

func (s *Shard) runJob(c *actors.Context, j *levelJob) {
	if j.stale() {
		return
	}
	m := j.p.prefs[j.at]
	id := s.remember(c, sent{to: m, level: j})
	if j.mask == 0 {
		j.seq = j.p.seq
		c.Send(m.addrReplica, &msg.Digest{ID: id, Sum: s.local.Sum(j.p.id), Partition: j.p.id, Ballot: j.ballot})
		return
	}
	c.Send(m.addrReplica, &msg.ListKeys{ID: id, After: j.after, Mask: j.mask, Limit: levelChunk, Partition: j.p.id})
}

// digested compares the digests of a replica with this node's own.
func (s *Shard) digested(c *actors.Context, m *msg.Digested) {
	x := s.answered(c, m.ID)
	if x == nil || x.level == nil || x.level.stale() {
		return
	}
	j := x.level
	if m.Refused {
		s.contest(c, j.p, m.Promised, quorum.New(len(j.p.prefs)))
		return
	}
	if m.Sum == s.local.Sum(j.p.id) {
		j.p.leveling.levelled[j.at] = true
		return
	}
	own := s.local.Buckets(j.p.id)
	for i := range own {
		if i >= len(m.Buckets) || m.Buckets[i] != own[i] {
			j.mask |= 1 << i
		}
	}
	if j.mask == 0 {
		j.p.leveling.levelled[j.at] = true
		return
	}
	s.level.todo = append(s.level.todo, j)
}

// listedKeys compares a stretch of keys and sends the replica what it lacks.
func (s *Shard) listedKeys(c *actors.Context, m *msg.ListedKeys) {
	x := s.answered(c, m.ID)
	if x == nil || x.level == nil || x.level.stale() {
		return
	}
	j := x.level
	own, more := s.local.List(j.p.id, string(j.after), j.mask, levelChunk)
	theirs := m.Keys
	// Beyond the shorter of two cut listings nothing can be compared yet.
	var end []byte
	if more {
		end = own[len(own)-1].Key
	}
	if m.More && len(theirs) > 0 {
		if last := theirs[len(theirs)-1].Key; end == nil || bytes.Compare(last, end) < 0 {
			end = last
		}
	}
	moved := 0
	if last := differing(own, theirs, end, func(key []byte) bool {
		moved += s.refresh(c, j, key)
		return moved < msg.BatchBytes
	}); last != nil {
		end = last
	}
	if moved > 0 {
		j.p.leveling.dirty = true // the next sweep checks what this one achieved
	}
	if end == nil {
		j.p.leveling.levelled[j.at] = true
		return
	}
	j.after = bytes.Clone(end)
	s.level.todo = append(s.level.todo, j)
}

// differing calls f for every key up to end (nil: all) that is in only one of
// the two sorted listings, or in both with different versions, until f says no;
// then it returns that key.
func differing(a, b []msg.KeyVersion, end []byte, f func(key []byte) bool) []byte {
	for len(a) > 0 || len(b) > 0 {
		var order int
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = bytes.Compare(a[0].Key, b[0].Key)
		}
		var key []byte
		same := false
		switch {
		case order < 0:
			key, a = a[0].Key, a[1:]
		case order > 0:
			key, b = b[0].Key, b[1:]
		default:
			key, same = a[0].Key, a[0].Version == b[0].Version
			a, b = a[1:], b[1:]
		}
		if end != nil && bytes.Compare(key, end) > 0 {
			return nil
		}
		if !same && !f(key) {
			return key
		}
	}
	return nil
}

// refresh makes a replica hold a key's newest register. One that was accepted
// under this ballot is sent to it once more: a late copy of the same Accept.
// Any other goes through a round of its own. A key that is absent here but not
// there gets a tombstone, which is collected once all hold it: taking it away
// there alone could bring an older value back. It returns the bytes that this moves.
func (s *Shard) refresh(c *actors.Context, j *levelJob, key []byte) int {
	p := j.p
	if p.key(key) != nil || p.role != owner {
		return 0 // a round is under way; the next sweep looks again
	}
	reg := s.local.Lookup(p.id, key)
	if reg.Version.Ballot == p.ballot && reg.Version.Seq > j.seq {
		return 0 // written since: the replica's answer says nothing about it
	}
	s.stats.Levelled++
	if reg.Version.Ballot == p.ballot && s.local.Floor(p.id).Less(reg.Version) {
		out := &p.prefs[j.at].out
		out.accept = append(out.accept, &msg.AcceptItem{Key: bytes.Clone(key), Register: reg, Partition: p.id})
		out.acceptFor = append(out.acceptFor, keyRound{})
		return len(key) + len(reg.Data)
	}
	k := s.newKey(p, bytes.Clone(key))
	k.refresh = true
	s.makeReady(k)
	return len(key) + len(reg.Data)
}

// giveBack hands a partition to the first living member of its preference
// list, once that one is level and has been back for a while, so that load
// stays spread.
func (s *Shard) giveBack(c *actors.Context, p *partition) {
	first := p.firstAlive()
	at := p.indexOf(first.node)
	if at >= p.self || !p.leveling.levelled[at] || first.inc == 0 || c.NowNs-first.aliveSinceNs < 10*s.cfg.ResendNs {
		return
	}
	p.heir, p.heirTillNs = first, c.NowNs+8*s.cfg.ResendNs
	s.drain(c, p)
}

// graveJob asks all replicas for the versions of tombstones.
type graveJob struct {
	p      *partition
	ballot kv.Ballot
	keys   []msg.KeyVersion
	votes  quorum.Tally
	differ []bool
}

// sweepGraves asks about tombstones if every replica seems able to answer.
func (s *Shard) sweepGraves(c *actors.Context, p *partition) {
	for _, m := range p.prefs {
		if m.dead {
			return
		}
	}
	keys := s.local.Tombstones(p.id, p.leveling.graveKey, gravesPerSweep)
	if len(keys) == 0 {
		p.leveling.graveKey = ""
		return
	}
	keys = keys[:msg.Fitting(keys, func(t *msg.KeyVersion) int { return len(t.Key) })]
	p.leveling.graveKey = string(keys[len(keys)-1].Key)
	j := &graveJob{p: p, ballot: p.ballot, keys: keys, votes: quorum.New(len(p.prefs)), differ: make([]bool, len(keys))}
	refs := make([]msg.KeyRef, len(keys))
	for i := range keys {
		refs[i] = msg.KeyRef{Key: keys[i].Key, Partition: p.id}
	}
	for _, m := range p.prefs {
		id := s.remember(c, sent{to: m, graves: j})
		c.Send(m.addrReplica, &msg.ReadVersions{ID: id, Epoch: s.cfg.Layout.Epoch(), Keys: refs})
	}
}

// gravesSeen collects the tombstones that every replica holds at one version,
// and only those: a replica without one may hold an older value, which would
// come back.
func (s *Shard) gravesSeen(c *actors.Context, x *sent, m *msg.Versions) {
	j := x.graves
	if len(m.Versions) != len(j.keys) || j.p.role != owner || j.p.ballot != j.ballot {
		return
	}
	for i := range j.keys {
		if m.Versions[i] != j.keys[i].Version {
			j.differ[i] = true
		}
	}
	j.votes.Yes(j.p.indexOf(x.to.node))
	enough := j.votes.All()
	failpoint.Inject("bug-58-tombstone-collected-at-majority", func() { enough = j.votes.Outcome() == quorum.Won })
	if !enough {
		return
	}
	collect := &msg.Collect{}
	for i, t := range j.keys {
		if j.differ[i] {
			j.p.leveling.dirty = true
		} else if j.p.key(t.Key) == nil {
			collect.Items = append(collect.Items, msg.CollectItem{Key: t.Key, Version: t.Version, Ballot: j.ballot, Partition: j.p.id})
		}
	}
	if len(collect.Items) == 0 {
		return
	}
	s.stats.Collected += uint64(len(collect.Items))
	for _, q := range j.p.prefs {
		c.Send(q.addrReplica, collect)
	}
}
