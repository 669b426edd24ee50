package msg

import (
	"cmp"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// eventual fills what eventual mode's messages are made of.
func (f filler) eventual(v reflect.Value, at any) bool {
	switch p := at.(type) {
	case *causal.Object:
		*p = f.object()
	case *Why:
		*p = ForWrite + Why(f.IntN(4))
	case *PutReason:
		*p = ByDrift + PutReason(f.IntN(5))
	case *kv.Level:
		*p = kv.Level(f.IntN(6))
	case *FetchedItem:
		*p = FetchedItem{}
		switch f.IntN(4) {
		case 0:
			p.Same = true
		case 1:
			f.fill(reflect.ValueOf(&p.Refused).Elem())
		case 2:
			o := f.object()
			p.Object = &o
		}
	case *KeyMark:
		*p = KeyMark{Name: uint32(f.number(MarkBits)), Weight: uint32(f.number(MarkBits))}
	case *WantItem:
		*p = WantItem{Bucket: uint32(f.number(32)), Name: uint32(f.number(MarkBits))}
	case *ListBuckets:
		f.fillKind(v)
		slices.Sort(p.Buckets)
		for i := range p.States {
			p.States[i] &= 1<<MarkBits - 1
		}
	case *Want:
		f.fillKind(v)
		slices.Sort(p.Whole)
		slices.SortFunc(p.Items, func(a, b WantItem) int { return cmp.Compare(a.Bucket, b.Bucket) })
	case *MarkDurable:
		p.MarkMs = int64(f.number(47))
	case *ClockRecord:
		f.fillKind(v)
		p.MarkMs = int64(f.number(47))
	case **kv.Tuning, **kv.Causal:
		if f.IntN(2) == 0 {
			v.SetZero()
			return true
		}
		f.fillKind(v)
	default:
		return false
	}
	return true
}

// object makes one as writers do: by writes of several nodes, under several policies.
func (f filler) object() causal.Object {
	var o causal.Object
	for range f.IntN(4) {
		id := causal.NewID(kv.NodeID(1+f.IntN(3)), kv.Incarnation(f.number(32)))
		value := causal.Value{Kind: kv.Value, Data: f.bytes(), Media: kv.Media(f.IntN(4)), Stamp: causal.Stamp{
			Ms: 1 + int64(f.number(40)), Logical: uint32(f.number(32)), Node: id.Node,
		}}
		switch f.IntN(4) {
		case 0:
			src := causal.NewSource(id)
			o, _ = o.Put(causal.Seen{}, &src, value)
		case 1:
			o = o.PutNewest(value)
		case 2:
			o, _ = o.Add(id, int64(f.number(30))-5)
		default:
			o = o.PutNewest(causal.Value{Kind: kv.Tombstone, Stamp: value.Stamp})
		}
	}
	return o
}

func TestRecordsNameTheirActor(t *testing.T) {
	want := map[byte]actors.Kind{
		KindPromise: actors.Replica, KindAccept: actors.Replica, KindDrop: actors.Replica, KindFloor: actors.Replica,
		KindClock: actors.Coordinator, KindObject: actors.Store, KindForget: actors.Store, KindLife: actors.Store,
		KindHint: actors.Handoff, KindHintDone: actors.Handoff,
	}
	for k := range 256 {
		got, err := OwnerOf([]byte{byte(k), 0, 0})
		if w, ok := want[byte(k)]; ok {
			require.NoError(t, err)
			require.Equal(t, w, got)
			continue
		}
		require.ErrorIs(t, err, ErrMalformed)
	}
}

func TestEventualSendersKeepTheirInvariants(t *testing.T) {
	for _, m := range []actors.Message{
		&Put{}, // for no reason
		&Stored{Refused: make([]PutRefusal, 1)},
		&Hinted{Refused: make([]PutRefusal, 1)},
		&BucketsListed{Marks: []KeyMark{{Name: 1 << MarkBits}}},
		&Fetched{Items: []FetchedItem{{Refused: 200}}},
		&Ops{Ops: []Op{{Op: kv.Op{Kind: kv.OpGet, Tuning: &kv.Tuning{R: kv.Ask{Level: 77}}}}}},
		&Results{Results: []kv.Result{{Causal: &kv.Causal{Values: []kv.Sibling{{Media: 9}}}}}},
	} {
		require.Panics(t, func() { _, _ = Append(nil, m) }, m.MessageName())
	}
}
