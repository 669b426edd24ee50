package shard

import (
	"math"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

var (
	revA = kv.Version{Ballot: kv.Ballot{Epoch: 1, Round: 2, Node: 3, Inc: 4}, Seq: 5}
	revB = kv.Version{Ballot: kv.Ballot{Epoch: 1, Round: 2, Node: 3, Inc: 4}, Seq: 6}
)

func holding(data string) kv.Register {
	return kv.Register{Kind: kv.Value, Data: []byte(data), Version: revA, Rev: revA, TimeMs: 77, Media: kv.JSON}
}

// A document that is a number stays one.
func TestIncrementKeepsJSON(t *testing.T) {
	for media, want := range map[kv.Media]kv.Media{kv.JSON: kv.JSON, kv.Text: kv.Text, kv.Bytes: kv.Text} {
		reg := kv.Register{Kind: kv.Value, Data: []byte("5"), Media: media}
		_, wrote := apply(&kv.Op{Kind: kv.OpIncr, Delta: 1}, &reg)
		require.True(t, wrote)
		require.Equal(t, want, reg.Media)
		require.Equal(t, "6", string(reg.Data))
	}
	reg := kv.Register{}
	_, _ = apply(&kv.Op{Kind: kv.OpIncr, Delta: 1}, &reg)
	require.Equal(t, kv.Text, reg.Media)
}

func TestApply(t *testing.T) {
	absent := kv.Register{}
	grave := kv.Register{Kind: kv.Tombstone, Version: revA, Rev: revA, TimeMs: 77}
	set := func(v string) kv.Op { return kv.Op{Kind: kv.OpSet, Value: []byte(v), Media: kv.Bytes} }
	with := func(op kv.Op, change func(*kv.Op)) kv.Op { change(&op); return op }
	cond := func(op kv.Op, c kv.Cond) kv.Op { op.Cond = c; return op }
	del := kv.Op{Kind: kv.OpDelete}
	cas := kv.Op{Kind: kv.OpCAS, Expected: []byte("a"), Value: []byte("n")}
	for _, x := range []struct {
		name   string
		op     kv.Op
		on     kv.Register
		status kv.Status
		wrote  bool
		after  string // data of a value, "-" for a tombstone, "0" for absent
		old    string // Result.Data
	}{
		{"get", kv.Op{Kind: kv.OpGet}, holding("a"), kv.OK, false, "a", "a"},
		{"get, facts only", kv.Op{Kind: kv.OpGet, HeadOnly: true}, holding("a"), kv.OK, false, "a", ""},
		{"get of an absent key", kv.Op{Kind: kv.OpGet}, absent, kv.NotFound, false, "0", ""},
		{"get of a tombstone", kv.Op{Kind: kv.OpGet}, grave, kv.NotFound, false, "-", ""},
		{"set", set("b"), holding("a"), kv.OK, true, "b", ""},
		{"set of an absent key", set("b"), absent, kv.OK, true, "b", ""},
		{"set over a tombstone", set("b"), grave, kv.OK, true, "b", ""},
		{"set of nothing", set(""), holding("a"), kv.OK, true, "", ""},
		{"set, old value wanted", with(set("b"), func(o *kv.Op) { o.WantOld = true }), holding("a"), kv.OK, true, "b", "a"},
		{"set nx", cond(set("b"), kv.IfAbsent), absent, kv.OK, true, "b", ""},
		{"set nx over a tombstone", cond(set("b"), kv.IfAbsent), grave, kv.OK, true, "b", ""},
		{"set nx over a value", cond(set("b"), kv.IfAbsent), holding("a"), kv.CondFailed, false, "a", ""},
		{"set nx get over a value", with(cond(set("b"), kv.IfAbsent), func(o *kv.Op) { o.WantOld = true }), holding("a"), kv.CondFailed, false, "a", "a"},
		{"set xx", cond(set("b"), kv.IfExists), holding("a"), kv.OK, true, "b", ""},
		{"set xx of an absent key", cond(set("b"), kv.IfExists), absent, kv.CondFailed, false, "0", ""},
		{"set xx over a tombstone", cond(set("b"), kv.IfExists), grave, kv.CondFailed, false, "-", ""},
		{"set if rev", with(cond(set("b"), kv.IfRev), func(o *kv.Op) { o.Rev = revA }), holding("a"), kv.OK, true, "b", ""},
		{"set if another rev", with(cond(set("b"), kv.IfRev), func(o *kv.Op) { o.Rev = revB }), holding("a"), kv.CondFailed, false, "a", ""},
		{"set if the rev of a tombstone", with(cond(set("b"), kv.IfRev), func(o *kv.Op) { o.Rev = revA }), grave, kv.CondFailed, false, "-", ""},
		{"set if no rev on an absent key", cond(set("b"), kv.IfRev), absent, kv.CondFailed, false, "0", ""},
		{"delete", del, holding("a"), kv.OK, true, "-", ""},
		{"delete, old value wanted", with(del, func(o *kv.Op) { o.WantOld = true }), holding("a"), kv.OK, true, "-", "a"},
		{"delete of an absent key", del, absent, kv.NotFound, false, "0", ""},
		{"delete of a tombstone", del, grave, kv.NotFound, false, "-", ""},
		{"delete if another rev", with(cond(del, kv.IfRev), func(o *kv.Op) { o.Rev = revB }), holding("a"), kv.CondFailed, false, "a", ""},
		{"cas", cas, holding("a"), kv.OK, true, "n", ""},
		{"cas of another value", cas, holding("b"), kv.CondFailed, false, "b", ""},
		{"cas of an absent key", cas, absent, kv.CondFailed, false, "0", ""},
		{"cas of an absent key, nothing expected", kv.Op{Kind: kv.OpCAS, Value: []byte("n")}, absent, kv.CondFailed, false, "0", ""},
		{"cas of a tombstone, nothing expected", kv.Op{Kind: kv.OpCAS, Value: []byte("n")}, grave, kv.CondFailed, false, "-", ""},
		{"cas of an empty value", kv.Op{Kind: kv.OpCAS, Value: []byte("n")}, holding(""), kv.OK, true, "n", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			reg, found := x.on, x.on.Kind == kv.Value
			res, wrote := apply(&x.op, &reg)
			require.Equal(t, x.status, res.Status)
			require.Equal(t, x.wrote, wrote)
			require.Equal(t, x.old, string(res.Data))
			require.Equal(t, found, res.Found, "found before")
			switch x.after {
			case "0":
				require.Equal(t, kv.Absent, reg.Kind)
			case "-":
				require.Equal(t, kv.Tombstone, reg.Kind)
				require.Nil(t, reg.Data)
			default:
				require.Equal(t, kv.Value, reg.Kind)
				require.Equal(t, x.after, string(reg.Data))
			}
			if !wrote {
				require.Equal(t, x.on, reg, "the register is untouched")
				if found {
					require.Equal(t, revA, res.Rev)
				} else {
					require.Zero(t, res.Rev, "what is not found has no rev")
				}
			}
		})
	}
}

// TestIncrement: integers as Redis reads them (string2ll): no plus sign, no
// spaces, no leading zeros, nothing but digits.
func TestIncrement(t *testing.T) {
	for _, x := range []struct {
		on     string
		delta  int64
		want   int64
		status kv.Status
	}{
		{"0", 1, 1, kv.OK},
		{"10", -3, 7, kv.OK},
		{"-10", 3, -7, kv.OK},
		{"-1", 1, 0, kv.OK},
		{"9223372036854775806", 1, math.MaxInt64, kv.OK},
		{"9223372036854775807", 0, math.MaxInt64, kv.OK},
		{"9223372036854775807", 1, 0, kv.Overflow},
		{"-9223372036854775808", -1, 0, kv.Overflow},
		{"-9223372036854775807", -1, math.MinInt64, kv.OK},
		{"-1", math.MinInt64, 0, kv.Overflow},
		{"0", math.MinInt64, math.MinInt64, kv.OK},
		{"1", math.MaxInt64, 0, kv.Overflow},
		{"-1", math.MaxInt64, math.MaxInt64 - 1, kv.OK},
		{"9223372036854775808", 1, 0, kv.NotInteger},
		{"", 1, 0, kv.NotInteger},
		{" 1", 1, 0, kv.NotInteger},
		{"1 ", 1, 0, kv.NotInteger},
		{"1\n", 1, 0, kv.NotInteger},
		{"+1", 1, 0, kv.NotInteger},
		{"01", 1, 0, kv.NotInteger},
		{"00", 1, 0, kv.NotInteger},
		{"-0", 1, 0, kv.NotInteger},
		{"-", 1, 0, kv.NotInteger},
		{"1.0", 1, 0, kv.NotInteger},
		{"1e3", 1, 0, kv.NotInteger},
		{"0x10", 1, 0, kv.NotInteger},
		{"1_000", 1, 0, kv.NotInteger},
		{"a", 1, 0, kv.NotInteger},
	} {
		reg := holding(x.on)
		res, wrote := apply(&kv.Op{Kind: kv.OpIncr, Delta: x.delta}, &reg)
		require.Equal(t, x.status, res.Status, "%q %+d", x.on, x.delta)
		require.Equal(t, x.want, res.Int, "%q %+d", x.on, x.delta)
		require.Equal(t, x.status == kv.OK, wrote)
		if !wrote {
			require.Equal(t, holding(x.on), reg)
		}
	}
	for _, on := range []kv.Register{{}, {Kind: kv.Tombstone, Version: revA, Rev: revA}} {
		res, wrote := apply(&kv.Op{Kind: kv.OpIncr, Delta: -5}, &on)
		require.True(t, wrote)
		require.Equal(t, int64(-5), res.Int)
		require.Equal(t, "-5", string(on.Data))
		require.Equal(t, kv.Value, on.Kind)
	}
}

// TestApplyNeverWritesIntoData: a register's data is shared with replies on their way.
func TestApplyNeverWritesIntoData(t *testing.T) {
	data := []byte("12")
	reg := kv.Register{Kind: kv.Value, Data: data[:2:2], Version: revA, Rev: revA}
	for _, op := range []kv.Op{{Kind: kv.OpIncr, Delta: 1}, {Kind: kv.OpSet, Value: []byte("xy")}, {Kind: kv.OpDelete}} {
		_, wrote := apply(&op, &reg)
		require.True(t, wrote)
		require.Equal(t, "12", string(data))
	}
}
