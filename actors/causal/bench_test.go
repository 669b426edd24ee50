package causal

import (
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
)

func sampleObject(replicas int) Object {
	var o Object
	for i := range replicas {
		src := NewSource(NewID(kv.NodeID(i+1), 7))
		o, _ = o.Put(o.Seen(), &src, Value{Kind: kv.Value, Data: make([]byte, 200), Stamp: Stamp{Ms: 1_790_000_000_000, Node: 1}})
	}
	return o
}

func BenchmarkPut(b *testing.B) {
	o, src := sampleObject(3), NewSource(NewID(1, 7))
	v, seen := o.Set.Siblings[0].Value, o.Seen()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Put(seen, &src, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutNewest(b *testing.B) {
	v := sampleObject(1).Set.Siblings[0].Value
	o := Object{Register: v}
	v.Stamp.Logical++
	b.ReportAllocs()
	for b.Loop() {
		o = o.PutNewest(v)
	}
}

func BenchmarkMergeSiblings(b *testing.B) {
	o, p := sampleObject(3), sampleObject(2)
	b.ReportAllocs()
	for b.Loop() {
		o.Merge(&p)
	}
}

func BenchmarkCompareSiblings(b *testing.B) {
	o, p := sampleObject(3), sampleObject(2)
	b.ReportAllocs()
	for b.Loop() {
		o.Compare(&p)
	}
}

func BenchmarkAppendObject(b *testing.B) {
	o := sampleObject(3)
	buf := o.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf = o.Append(buf[:0])
	}
}

func BenchmarkDecodeObject(b *testing.B) {
	o := sampleObject(3)
	enc := o.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeObject(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	o := sampleObject(3)
	key, seen := []byte("some-key"), o.Seen()
	buf, _ := AppendToken(nil, seen, 0, key)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = AppendToken(buf[:0], seen, 0, key)
		if _, err := ParseToken(string(buf), 0, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClockNow(b *testing.B) {
	c := NewClock(ClockConfig{Node: 1})
	c.Reserved(MaxMs)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Now(1_790_000_000_000); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTreeWrite(b *testing.B) {
	tree := NewTree(Shape{DefaultBuckets, DefaultFanout})
	o := sampleObject(1)
	key, enc := []byte("some-key"), o.Append(nil)
	bucket := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		bucket = (bucket + 617) % DefaultBuckets
		h := Digest(key, enc)
		tree.Remove(bucket, h)
		tree.Add(bucket, h)
	}
}

// One write, then the root: the price of asking after each write.
func BenchmarkTreeRoot(b *testing.B) {
	tree := NewTree(Shape{DefaultBuckets, DefaultFanout})
	bucket := uint32(0)
	b.ReportAllocs()
	for b.Loop() {
		bucket = (bucket + 617) % DefaultBuckets
		tree.Add(bucket, Hash{1, 2})
		tree.Root()
	}
}

// An exchange of roots by identical replicas: what anti-entropy costs at rest,
// per partition.
func BenchmarkTreeRootAtRest(b *testing.B) {
	tree := NewTree(Shape{DefaultBuckets, DefaultFanout})
	b.ReportAllocs()
	for b.Loop() {
		tree.Root()
	}
}

func BenchmarkCounterAdd(b *testing.B) {
	c := Counter{{NewID(1, 7), 1, 0}, {NewID(2, 7), 1, 0}, {NewID(3, 7), 1, 0}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Add(c[1].ID, 1); err != nil {
			b.Fatal(err)
		}
	}
}
