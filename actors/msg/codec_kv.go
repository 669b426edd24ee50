package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of the store's vocabulary. Writing an enumeration that does not
// exist is a broken invariant and panics; reading one fails.

// A ballot begins with a byte that says which of its fields differ from those
// of the ballot before it; only these follow. In a batch nearly all are equal,
// which costs one byte. The zero ballot has a byte of its own and leaves the
// ballot before as it is.
const (
	ballotEpoch byte = 1 << iota
	ballotRound
	ballotNode
	ballotInc
	ballotZero
)

func (w *writer) ballot(b kv.Ballot) {
	switch {
	case b.IsZero():
		w.byte(ballotZero)
	case b == w.before.ballot:
		w.byte(0)
	default:
		w.changedBallot(b)
	}
}

func (w *writer) changedBallot(b kv.Ballot) {
	p := w.before.ballot
	tag := bit(b.Epoch != p.Epoch, ballotEpoch) | bit(b.Round != p.Round, ballotRound) |
		bit(b.Node != p.Node, ballotNode) | bit(b.Inc != p.Inc, ballotInc)
	w.byte(tag)
	if tag&ballotEpoch != 0 {
		w.uvarint(uint64(b.Epoch))
	}
	if tag&ballotRound != 0 {
		w.uvarint(uint64(b.Round))
	}
	if tag&ballotNode != 0 {
		w.uvarint(uint64(b.Node))
	}
	if tag&ballotInc != 0 {
		w.uvarint(uint64(b.Inc))
	}
	w.before.ballot = b
}

func (r *reader) ballot() kv.Ballot { return r.taggedBallot(r.Byte()) }

func (r *reader) taggedBallot(tag byte) kv.Ballot {
	switch {
	case tag == 0:
		return r.before.ballot
	case tag == ballotZero:
		return kv.Ballot{}
	case tag > ballotZero:
		r.Fail("a ballot that begins with an unknown byte")
		return kv.Ballot{}
	}
	b := r.before.ballot
	if tag&ballotEpoch != 0 {
		b.Epoch = kv.Epoch(r.Uint32())
	}
	if tag&ballotRound != 0 {
		b.Round = r.Uint32()
	}
	if tag&ballotNode != 0 {
		b.Node = kv.NodeID(r.Uint16())
	}
	if tag&ballotInc != 0 {
		b.Inc = kv.Incarnation(r.Uint32())
	}
	r.before.ballot = b
	return b
}

// A version is its ballot and the difference from the seq before it: the seqs
// of a batch are neighbours. Under the zero ballot it is the seq itself.
func (w *writer) version(v kv.Version) {
	w.ballot(v.Ballot)
	if v.Ballot.IsZero() {
		w.uvarint(v.Seq)
		return
	}
	w.varint(int64(v.Seq - w.seq))
	w.seq = v.Seq
}

func (r *reader) version() kv.Version {
	tag := r.Byte()
	if tag == ballotZero {
		return kv.Version{Seq: r.Uvarint()}
	}
	v := kv.Version{Ballot: r.taggedBallot(tag)}
	v.Seq = r.seq + uint64(r.Varint())
	r.seq = v.Seq
	return v
}

func (w *writer) time(ms int64) {
	w.varint(ms - w.timeMs)
	w.timeMs = ms
}

func (r *reader) time() int64 {
	r.timeMs += r.Varint()
	return r.timeMs
}

func (w *writer) partition(p kv.Partition) { w.uvarint(uint64(p)) }
func (r *reader) partition() kv.Partition  { return kv.Partition(r.Uint16()) }

// The first byte of a register: kind, media, and which of the further fields follow.
const (
	registerKind    byte = 3
	registerMedia   byte = 3 << 2
	registerRev     byte = 1 << 4 // Rev differs from Version
	registerTime    byte = 1 << 5
	registerData    byte = 1 << 6
	registerUnknown byte = 1 << 7
)

const minRegister = 3 // bytes

// register panics on what breaks the first invariant of kv.Register.
func (w *writer) register(g *kv.Register) {
	if g.Kind > kv.Tombstone || !g.Media.Valid() || (g.Kind == kv.Absent) != g.Version.IsZero() {
		panic(fmt.Sprintf("msg: register of %v, media %d, at version %v", g.Kind, g.Media, g.Version))
	}
	head := byte(g.Kind)&registerKind | byte(g.Media)<<2&registerMedia |
		bit(g.Rev != g.Version, registerRev) | bit(g.TimeMs != 0, registerTime) | bit(len(g.Data) > 0, registerData)
	w.byte(head)
	w.version(g.Version)
	if head&registerRev != 0 {
		w.version(g.Rev)
	}
	if head&registerTime != 0 {
		w.time(g.TimeMs)
	}
	if head&registerData != 0 {
		w.bytes(g.Data)
	}
}

// register refuses what breaks the first invariant of kv.Register.
func (r *reader) register(g *kv.Register) {
	head := r.Byte()
	g.Kind, g.Media = kv.Kind(head&registerKind), kv.Media(head&registerMedia>>2)
	if g.Kind > kv.Tombstone || !g.Media.Valid() || head&registerUnknown != 0 {
		r.Fail("a register that begins with an unknown byte")
		return
	}
	g.Version = r.version()
	if (g.Kind == kv.Absent) != g.Version.IsZero() {
		r.Fail("a register that is absent with a version, or present without one")
		return
	}
	g.Rev = g.Version
	if head&registerRev != 0 {
		g.Rev = r.version()
	}
	if head&registerTime != 0 {
		g.TimeMs = r.time()
	}
	if head&registerData != 0 {
		g.Data = r.Bytes()
	}
}

// The two first bytes of an operation: kind, condition and media; flags and
// which of the further fields follow.
const (
	opKind  byte = 7
	opCond  byte = 3 << 3
	opMedia byte = 3 << 5

	opWantOld  byte = 1
	opHeadOnly byte = 1 << 1
	opValue    byte = 1 << 2
	opExpected byte = 1 << 3
	opDelta    byte = 1 << 4
	opRev      byte = 1 << 5
	opTuning   byte = 1 << 6
	opUnknown  byte = 1 << 7
)

const minOp = 4 // bytes

func (w *writer) op(o *Op) {
	if !o.Kind.Valid() || !o.Cond.Valid() || !o.Media.Valid() {
		panic(fmt.Sprintf("msg: operation of %v, condition %d, media %d", o.Kind, o.Cond, o.Media))
	}
	w.byte(byte(o.Kind)&opKind | byte(o.Cond)<<3&opCond | byte(o.Media)<<5&opMedia)
	flags := bit(o.WantOld, opWantOld) | bit(o.HeadOnly, opHeadOnly) | bit(len(o.Value) > 0, opValue) |
		bit(len(o.Expected) > 0, opExpected) | bit(o.Delta != 0, opDelta) | bit(o.Rev != kv.Version{}, opRev) |
		bit(o.Tuning != nil, opTuning)
	w.byte(flags)
	w.partition(o.Partition)
	w.bytes(o.Key)
	if flags&opValue != 0 {
		w.bytes(o.Value)
	}
	if flags&opExpected != 0 {
		w.bytes(o.Expected)
	}
	if flags&opDelta != 0 {
		w.varint(o.Delta)
	}
	if flags&opRev != 0 {
		w.version(o.Rev)
	}
	if flags&opTuning != 0 {
		w.tuning(o.Tuning)
	}
}

func (r *reader) op(o *Op) {
	head, flags := r.Byte(), r.Byte()
	o.Kind, o.Cond, o.Media = kv.OpKind(head&opKind), kv.Cond(head&opCond>>3), kv.Media(head&opMedia>>5)
	if !o.Kind.Valid() || !o.Cond.Valid() || !o.Media.Valid() || head>>7 != 0 || flags&opUnknown != 0 {
		r.Fail("an operation that begins with unknown bytes")
		return
	}
	o.WantOld, o.HeadOnly = flags&opWantOld != 0, flags&opHeadOnly != 0
	o.Partition = r.partition()
	o.Key = r.Bytes()
	if flags&opValue != 0 {
		o.Value = r.Bytes()
	}
	if flags&opExpected != 0 {
		o.Expected = r.Bytes()
	}
	if flags&opDelta != 0 {
		o.Delta = r.Varint()
	}
	if flags&opRev != 0 {
		o.Rev = r.version()
	}
	if flags&opTuning != 0 {
		o.Tuning = r.tuning()
	}
}

// The two first bytes of a result: status and media; which of the further
// fields follow.
const (
	resultStatus byte = 15
	resultMedia  byte = 3 << 4

	resultFound   byte = 1
	resultData    byte = 1 << 1
	resultRev     byte = 1 << 2
	resultTime    byte = 1 << 3
	resultInt     byte = 1 << 4
	resultCausal  byte = 1 << 5
	resultUnknown byte = 3 << 6
)

const minResult = 2 // bytes

func (w *writer) result(v *kv.Result) {
	if !v.Status.Valid() || !v.Media.Valid() {
		panic(fmt.Sprintf("msg: result of %v, media %d", v.Status, v.Media))
	}
	w.byte(byte(v.Status)&resultStatus | byte(v.Media)<<4&resultMedia)
	flags := bit(v.Found, resultFound) | bit(len(v.Data) > 0, resultData) | bit(v.Rev != kv.Version{}, resultRev) |
		bit(v.TimeMs != 0, resultTime) | bit(v.Int != 0, resultInt) | bit(v.Causal != nil, resultCausal)
	w.byte(flags)
	if flags&resultData != 0 {
		w.bytes(v.Data)
	}
	if flags&resultRev != 0 {
		w.version(v.Rev)
	}
	if flags&resultTime != 0 {
		w.time(v.TimeMs)
	}
	if flags&resultInt != 0 {
		w.varint(v.Int)
	}
	if flags&resultCausal != 0 {
		w.causal(v.Causal)
	}
}

func (r *reader) result(v *kv.Result) {
	head, flags := r.Byte(), r.Byte()
	v.Status, v.Media = kv.Status(head&resultStatus), kv.Media(head&resultMedia>>4)
	if !v.Status.Valid() || !v.Media.Valid() || head>>6 != 0 || flags&resultUnknown != 0 {
		r.Fail("a result that begins with unknown bytes")
		return
	}
	v.Found = flags&resultFound != 0
	if flags&resultData != 0 {
		v.Data = r.Bytes()
	}
	if flags&resultRev != 0 {
		v.Rev = r.version()
	}
	if flags&resultTime != 0 {
		v.TimeMs = r.time()
	}
	if flags&resultInt != 0 {
		v.Int = r.Varint()
	}
	if flags&resultCausal != 0 {
		v.Causal = r.causal()
	}
}
