package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of the messages of strong.go that read versions, collect
// tombstones and compare replicas, field by field.

func (m *ReadVersions) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Epoch))
	w.uvarint(uint64(len(m.Keys)))
	for i := range m.Keys {
		w.partition(m.Keys[i].Partition)
		w.bytes(m.Keys[i].Key)
	}
}

func (m *ReadVersions) decode(r *reader) {
	const size = 2 // bytes, at least
	m.ID = r.Uvarint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Keys = list[KeyRef](r.Count(size))
	for i := range m.Keys {
		m.Keys[i].Partition = r.partition()
		m.Keys[i].Key = r.Bytes()
	}
}

func (m *Versions) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Epoch))
	w.uvarint(uint64(len(m.Versions)))
	for _, v := range m.Versions {
		w.version(v)
	}
}

func (m *Versions) decode(r *reader) {
	const size = 2 // bytes, at least
	m.ID = r.Uvarint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Versions = list[kv.Version](r.Count(size))
	for i := range m.Versions {
		m.Versions[i] = r.version()
	}
}

func (m *Collect) encode(w *writer) {
	w.uvarint(uint64(len(m.Items)))
	for i := range m.Items {
		c := &m.Items[i]
		w.partition(c.Partition)
		w.ballot(c.Ballot)
		w.version(c.Version)
		w.bytes(c.Key)
	}
}

func (m *Collect) decode(r *reader) {
	const size = 5 // bytes, at least
	m.Items = list[CollectItem](r.Count(size))
	for i := range m.Items {
		c := &m.Items[i]
		c.Partition = r.partition()
		c.Ballot = r.ballot()
		c.Version = r.version()
		c.Key = r.Bytes()
	}
}

func (m *Digest) encode(w *writer) {
	w.uvarint(m.ID)
	w.partition(m.Partition)
	w.ballot(m.Ballot)
	w.sum(m.Sum)
}

func (m *Digest) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Partition = r.partition()
	m.Ballot = r.ballot()
	m.Sum = r.sum()
}

func (m *Digested) encode(w *writer) {
	if len(m.Buckets) != 0 && len(m.Buckets) != Buckets {
		panic(fmt.Sprintf("msg: %d digests, 0 or %d are allowed", len(m.Buckets), Buckets))
	}
	w.uvarint(m.ID)
	w.bool(m.Refused)
	w.ballot(m.Promised)
	w.sum(m.Sum)
	w.uvarint(uint64(len(m.Buckets)))
	for _, s := range m.Buckets {
		w.sum(s)
	}
}

// decode refuses any number of buckets but none and all.
func (m *Digested) decode(r *reader) {
	const size = 16 // bytes
	m.ID = r.Uvarint()
	m.Refused = r.Bool()
	m.Promised = r.ballot()
	m.Sum = r.sum()
	n := r.Count(size)
	if n != 0 && n != Buckets {
		r.Fail("neither no digests nor one of each bucket")
		return
	}
	m.Buckets = list[Sum](n)
	for i := range m.Buckets {
		m.Buckets[i] = r.sum()
	}
}

func (m *ListKeys) encode(w *writer) {
	w.uvarint(m.ID)
	w.partition(m.Partition)
	w.fixed64(m.Mask)
	w.uvarint(uint64(m.Limit))
	w.bytes(m.After)
}

func (m *ListKeys) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Partition = r.partition()
	m.Mask = r.Fixed64()
	m.Limit = r.Uint32()
	m.After = r.Bytes()
}

func (m *ListedKeys) encode(w *writer) {
	w.uvarint(m.ID)
	w.bool(m.More)
	w.uvarint(uint64(len(m.Keys)))
	for i := range m.Keys {
		w.version(m.Keys[i].Version)
		w.bytes(m.Keys[i].Key)
	}
}

func (m *ListedKeys) decode(r *reader) {
	const size = 3 // bytes, at least
	m.ID = r.Uvarint()
	m.More = r.Bool()
	m.Keys = list[KeyVersion](r.Count(size))
	for i := range m.Keys {
		m.Keys[i].Version = r.version()
		m.Keys[i].Key = r.Bytes()
	}
}
