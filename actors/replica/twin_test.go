package replica

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
	"pgregory.net/rapid"
)

const testPartitions = 2

var testRing = func() *ring.Layout {
	r, err := ring.First(ring.Config{Partitions: testPartitions, VNodes: 8, N: 3, Nodes: []ring.Node{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}, {ID: 3, Weight: 1}}})
	if err != nil {
		panic(err)
	}
	return r
}()

func newReplica(inc kv.Incarnation) *Replica {
	return New(Config{Layout: testRing, Node: 1, Inc: inc, Lanes: 1})
}

// twin is the acceptor's rule as one would write it down first: maps, and every
// count made anew each time.
type twin struct {
	promised [testPartitions]kv.Ballot
	floor    [testPartitions]kv.Version
	regs     [testPartitions]map[string]kv.Register
}

func newTwin() *twin {
	w := &twin{}
	for i := range w.regs {
		w.regs[i] = map[string]kv.Register{}
	}
	return w
}

func (w *twin) prepare(p kv.Partition, b kv.Ballot) bool {
	if b.Compare(w.promised[p]) <= 0 {
		return false
	}
	w.promised[p] = b
	return true
}

func (w *twin) touch(p kv.Partition, b kv.Ballot, key string) (kv.Register, bool) {
	if b.Compare(w.promised[p]) < 0 {
		return kv.Register{}, false
	}
	w.promised[p] = b
	return w.regs[p][key], true
}

func (w *twin) accept(p kv.Partition, key string, reg kv.Register) msg.Reason {
	b := reg.Version.Ballot
	if b.Compare(w.promised[p]) < 0 {
		return msg.ByPromise
	}
	w.promised[p] = b
	have, present := w.regs[p][key]
	if !present && reg.Version.Compare(w.floor[p]) <= 0 {
		return msg.ByFloor
	}
	if !present || reg.Version.Compare(have.Version) > 0 {
		w.regs[p][key] = reg
	}
	return 0
}

func (w *twin) collect(p kv.Partition, key string, v kv.Version, b kv.Ballot) {
	have := w.regs[p][key]
	if b.Compare(w.promised[p]) < 0 || have.Kind != kv.Tombstone || have.Version != v {
		return
	}
	delete(w.regs[p], key)
	if v.Compare(w.floor[p]) > 0 {
		w.floor[p] = v
	}
}

// same reports how a replica differs from the twin, "" if it does not: every
// register, the order of the index, the digests and the counters.
func (w *twin) same(r *Replica) string {
	var want Stats
	want.Partitions = testPartitions
	for i := range w.regs {
		p := kv.Partition(i)
		if r.Promised(p) != w.promised[i] || r.Floor(p) != w.floor[i] {
			return fmt.Sprintf("partition %d: promised %v, floor %v, want %v, %v", i, r.Promised(p), r.Floor(p), w.promised[i], w.floor[i])
		}
		fresh := newPartition(p, 0)
		var keys []string
		r.Each(p, func(key string, reg kv.Register) {
			keys = append(keys, key)
			fresh.put(nil, []byte(key), &reg)
		})
		if wanted := slices.Sorted(maps.Keys(w.regs[i])); !slices.Equal(keys, wanted) {
			return fmt.Sprintf("partition %d: keys %q, want %q", i, keys, wanted)
		}
		for _, key := range keys {
			got, reg := r.Lookup(p, []byte(key)), w.regs[i][key]
			if got.Version != reg.Version || got.Rev != reg.Rev || got.Kind != reg.Kind || !bytes.Equal(got.Data, reg.Data) {
				return fmt.Sprintf("partition %d key %q: %v, want %v", i, key, got, reg)
			}
			switch reg.Kind {
			case kv.Value:
				want.Keys++
				want.Bytes += uint64(len(key) + len(reg.Data))
			case kv.Tombstone:
				want.Tombstones++
			}
		}
		if r.Sum(p) != fresh.sum {
			return fmt.Sprintf("partition %d: the digest is not that of its registers", i)
		}
		var sum msg.Sum
		for _, b := range r.Buckets(p) {
			sum = add(sum, b)
		}
		if sum != fresh.sum {
			return fmt.Sprintf("partition %d: the buckets do not add up", i)
		}
	}
	if got := r.Stats(); got != want {
		return fmt.Sprintf("counts %+v, want %+v", got, want)
	}
	return ""
}

// driver feeds a replica and its twin with the same random requests.
type driver struct {
	r     *Replica
	w     *twin
	c     actors.Context
	id    uint64
	round uint32
	seq   uint64
	sent  []msg.AcceptItem // so that one can come twice, or late
}

func newDriver() *driver {
	d := &driver{r: newReplica(1), w: newTwin(), round: 1}
	d.c.Rand = rand.New(rand.NewPCG(1, 1))
	d.c.Self = actors.Address{Node: 1, Kind: actors.Replica}
	return d
}

func (d *driver) ask(m actors.Message, from kv.NodeID) actors.Message {
	d.c.Sender = actors.Address{Node: from, Kind: actors.Shard}
	d.r.Receive(&d.c, m)
	d.r.Flush(&d.c)
	if len(d.c.Envelopes) == 0 {
		return nil
	}
	e := d.c.Envelopes[0]
	d.c.Envelopes = d.c.Envelopes[:0]
	if _, confirm := e.Message.(*msg.Confirmed); e.Durable == confirm {
		panic("only a confirm may be answered before what it reveals is durable")
	}
	return e.Message
}

func (d *driver) ballot(t *rapid.T) kv.Ballot {
	back := uint32(max(0, rapid.IntRange(-5, 2).Draw(t, "back")))
	if rapid.IntRange(0, 9).Draw(t, "new") == 0 {
		d.round, back = d.round+1, 0
	}
	return kv.Ballot{Epoch: 1, Round: d.round - min(back, d.round-1), Node: kv.NodeID(min(3, rapid.IntRange(1, 8).Draw(t, "owner"))), Inc: 1}
}

// step sends one request, and says where replica and twin part.
func (d *driver) step(t *rapid.T) string {
	d.id++
	p := kv.Partition(rapid.IntRange(0, testPartitions-1).Draw(t, "partition"))
	key := rapid.SampledFrom([]string{"a", "b", "bb"}).Draw(t, "key")
	b := d.ballot(t)
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		want := d.w.prepare(p, b)
		got := d.ask(&msg.Prepare{ID: d.id, Items: []msg.PartitionBallot{{Partition: p, Ballot: b}}}, b.Node).(*msg.Promises)
		if it := got.Items[0]; got.ID != d.id || it.OK != want || it.Promised != d.w.promised[p] || it.Sum != d.r.Sum(p) {
			return fmt.Sprintf("prepare %v: %+v, want %v", b, it, want)
		}
	case 1, 2:
		have := kv.Version{}
		if rapid.Bool().Draw(t, "have") {
			have = d.w.regs[p][key].Version
		}
		want, ok := d.w.touch(p, b, key)
		got := d.ask(&msg.Touch{ID: d.id, Items: []msg.TouchItem{{Key: []byte(key), Ballot: b, Have: have, Partition: p}}}, b.Node).(*msg.Touched)
		it := got.Items[0]
		spared := want.Version == have
		if it.Refused == ok || it.Promised != d.w.promised[p] || it.Register.Version != want.Version || !spared && !bytes.Equal(it.Register.Data, want.Data) {
			return fmt.Sprintf("touch %v: %+v, want %v %v", b, it, want, ok)
		}
	case 3: // confirm
		got := d.ask(&msg.Confirm{ID: d.id, Checks: []msg.PartitionBallot{{Partition: p, Ballot: b}}}, b.Node).(*msg.Confirmed)
		if refused := len(got.Refused) > 0; refused != (d.w.promised[p] != b) || refused && got.Refused[0].Promised != d.w.promised[p] {
			return fmt.Sprintf("confirm %v: %+v, promised is %v", b, got, d.w.promised[p])
		}
	case 4, 5: // collect
		have := d.w.regs[p][key].Version
		if rapid.IntRange(0, 4).Draw(t, "wrong") == 0 {
			have.Seq++
		}
		if rapid.IntRange(0, 4).Draw(t, "current") > 0 {
			b = d.w.promised[p]
		}
		d.w.collect(p, key, have, b)
		if m := d.ask(&msg.Collect{Items: []msg.CollectItem{{Key: []byte(key), Version: have, Ballot: b, Partition: p}}}, b.Node); m != nil {
			return "collect was answered"
		}
	default:
		d.seq++
		seq := d.seq - min(d.seq-1, uint64(rapid.IntRange(0, 6).Draw(t, "late")))
		reg := kv.Register{Version: kv.Version{Ballot: b, Seq: seq}, Kind: kv.Tombstone}
		reg.Rev = reg.Version
		if rapid.Bool().Draw(t, "value") { // one version, one value
			reg.Kind, reg.Data = kv.Value, fmt.Appendf(nil, "%v %s", reg.Version, key)
		}
		if have := d.w.regs[p][key]; have.Version == reg.Version {
			reg = have
		}
		it := msg.AcceptItem{Key: []byte(key), Register: reg, Partition: p}
		if len(d.sent) > 0 && rapid.IntRange(0, 2).Draw(t, "again") == 0 {
			it = d.sent[rapid.IntRange(max(0, len(d.sent)-8), len(d.sent)-1).Draw(t, "which")]
			p, key, reg = it.Partition, string(it.Key), it.Register
		}
		d.sent = append(d.sent, it)
		held, records := d.w.regs[p][key].Version, len(d.c.Records)
		want := d.w.accept(p, key, reg)
		got := d.ask(&msg.Accept{ID: d.id, Items: []*msg.AcceptItem{&it}}, b.Node).(*msg.Accepted)
		if len(got.Refused) == 0 && want != 0 || len(got.Refused) > 0 && (got.Refused[0].Reason != want || got.Refused[0].Promised != d.w.promised[p]) {
			return fmt.Sprintf("accept %v: %+v, want %d", reg.Version, got, want)
		}
		if d.w.regs[p][key].Version == held && len(d.c.Records) != records {
			return fmt.Sprintf("accept %v: changed nothing and was written down", reg.Version)
		}
	}
	return ""
}
