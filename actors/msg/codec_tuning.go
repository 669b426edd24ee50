package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of what operations on buckets that are not strong carry beside
// the fields in codec_kv.go.

func (w *writer) ask(a kv.Ask) {
	if !a.Level.Valid() {
		panic(fmt.Sprintf("msg: consistency %v", a.Level))
	}
	w.byte(byte(a.Level))
	w.byte(a.Count)
}

func (r *reader) ask() kv.Ask {
	a := kv.Ask{Level: kv.Level(r.Byte())}
	a.Count = r.Byte()
	if !a.Level.Valid() {
		r.Fail("an unknown consistency level")
	}
	return a
}

func (w *writer) tuning(t *kv.Tuning) {
	w.ask(t.R)
	w.ask(t.W)
	w.bytes([]byte(t.Context))
	w.varint(t.TTLMs)
	w.bool(t.WantContext)
}

func (r *reader) tuning() *kv.Tuning {
	t := &kv.Tuning{R: r.ask(), W: r.ask()}
	t.Context = string(r.Bytes())
	t.TTLMs = r.Varint()
	t.WantContext = r.Bool()
	return t
}

func (w *writer) causal(c *kv.Causal) {
	w.bytes([]byte(c.Context))
	w.uvarint(uint64(len(c.Values)))
	for i := range c.Values {
		v := &c.Values[i]
		if !v.Media.Valid() {
			panic(fmt.Sprintf("msg: sibling of media %d", v.Media))
		}
		w.byte(byte(v.Media))
		w.time(v.TimeMs)
		w.bytes(v.Data)
	}
}

func (r *reader) causal() *kv.Causal {
	const size = 3 // bytes, at least
	c := &kv.Causal{Context: string(r.Bytes())}
	c.Values = list[kv.Sibling](r.Count(size))
	for i := range c.Values {
		v := &c.Values[i]
		v.Media = kv.Media(r.Byte())
		if !v.Media.Valid() {
			r.Fail("a sibling of an unknown media type")
			return c
		}
		v.TimeMs = r.time()
		v.Data = r.Bytes()
	}
	return c
}
