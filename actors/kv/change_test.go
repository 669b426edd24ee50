package kv

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var testRules = Rules{Members: 5, N: 3, Slots: 4, MinGraceMs: 1000, GraceMs: 5000}

func never(Retired) bool  { return false }
func always(Retired) bool { return true }

func create(name string, given Fields, b Bucket) *Change {
	b.Name = name
	return &Change{Kind: CreateBucket, Given: given, Bucket: b}
}

func TestDefaultsOfABucket(t *testing.T) {
	first := FirstMap(3)
	for _, want := range []Bucket{
		{Name: "s", Slot: 1, Created: 2, Mode: Strong, N: 3},
		{Name: "e", Slot: 1, Created: 2, Mode: Eventual, N: 3, Policy: Siblings, Repair: RepairAsync,
			R: Ask{Level: Quorum}, W: Ask{Level: Quorum}, GraceMs: 5000},
		{Name: "a", Slot: 1, Created: 2, Mode: ABD, N: 3, Policy: LWW, Repair: RepairBlocking,
			R: Ask{Level: Quorum}, W: Ask{Level: Quorum}, GraceMs: 5000},
	} {
		next, err := first.Apply(create(want.Name, FieldMode, Bucket{Mode: want.Mode}), &testRules, ChangeID{Seq: 1}, never)
		require.NoError(t, err)
		require.Equal(t, want, *next.Named(want.Name))
		require.Len(t, first.Buckets, 1, "a map never changes")
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	m := FirstMap(3)
	for _, mode := range []Mode{Strong, Eventual, ABD} {
		var err error
		m, err = m.Apply(create(mode.String(), FieldMode, Bucket{Mode: mode}), &testRules, ChangeID{}, never)
		require.NoError(t, err)
	}
	set := func(name string, given Fields, b Bucket) *Change {
		b.Name = name
		return &Change{Kind: SetBucket, Given: given, Bucket: b}
	}
	for want, c := range map[string]*Change{
		`bad bucket "9": the name must be 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.', beginning with a letter`: create("9", 0, Bucket{}),
		`bad bucket "": the name must be 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.', beginning with a letter`:  create("", 0, Bucket{}),
		`bad bucket "x": n is 6, allowed are 1 to 5 (members that hold data, at most 7)`:                       create("x", FieldN, Bucket{N: 6}),
		`bad bucket "x": n is 0, allowed are 1 to 5 (members that hold data, at most 7)`:                       create("x", FieldN, Bucket{}),
		`bad bucket "x": mode mode(9), allowed are strong, abd and eventual`:                                   create("x", FieldMode, Bucket{Mode: 9}),
		`bad bucket "x": a bucket in mode strong takes no r; a bucket in mode eventual does`:                   create("x", FieldR, Bucket{R: Ask{Count: 1}}),
		`bad bucket "x": a bucket in mode strong takes no ttl; a bucket in mode eventual does`:                 create("x", FieldTTL, Bucket{TTLMs: 1}),
		`bad bucket "x": a bucket in mode abd takes no sloppy; a bucket in mode eventual does`:                 create("x", FieldMode|FieldSloppy, Bucket{Mode: ABD}),
		`bad bucket "x": w is 4, allowed are 1 to n (3)`:                                                       create("x", FieldMode|FieldW, Bucket{Mode: Eventual, W: Ask{Count: 4}}),
		`bad bucket "x": grace of 1s, it must be longer than 1s: the life of a hint, of a message and the drift of clocks`: create("x", FieldMode|FieldGrace,
			Bucket{Mode: Eventual, GraceMs: 1000}),
		`bad bucket "x": counters never expire, ttl must be 0`:                                                                      create("x", FieldMode|FieldPolicy|FieldTTL, Bucket{Mode: Eventual, Policy: Counters, TTLMs: 1}),
		`bucket exists: "abd" is in mode abd; choose another name, or set its settings`:                                             create("abd", 0, Bucket{}),
		`no room for another bucket: there are 4, and slots of dropped ones are free only once every member has confirmed the drop`: create("x", 0, Bucket{}),
		`no such bucket: "x"; there are abd, default, eventual, strong`:                                                             set("x", FieldN, Bucket{N: 1}),
		`bad bucket "strong": the mode stays strong for its life; create another bucket`:                                            set("strong", FieldMode, Bucket{Mode: ABD}),
		`bad bucket "strong": the N of a bucket in mode strong can't be changed; in mode eventual it can`:                           set("strong", FieldN, Bucket{N: 5}),
		`bad bucket "strong": no setting is given; allowed are none: a bucket in mode strong has only n, which stays`:               set("strong", 0, Bucket{}),
		`bad bucket "eventual": policy siblings can't become counters; siblings and lww can become each other`:                      set("eventual", FieldPolicy, Bucket{Policy: Counters}),
		`bad bucket "default": it always exists, it can't be dropped`:                                                               {Kind: DropBucket, Bucket: Bucket{Name: "default"}},
		`bad bucket: unknown change 9, allowed are create, set and drop`:                                                            {Kind: 9, Bucket: Bucket{Name: "default"}},
	} {
		_, err := m.Apply(c, &testRules, ChangeID{}, never)
		require.EqualError(t, err, want)
		again := RefusalOf(err).Err(err.Error())
		require.EqualError(t, again, err.Error())
		require.ErrorIs(t, again, refusals[RefusalOf(err)])
	}
}

// TestMapsKeepTheirInvariants: after any changes, slots and names are distinct,
// slots in use and retired ones are all there ever were, and what a map tells of
// its latest changes is true.
func TestMapsKeepTheirInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := FirstMap(3)
		made := map[Epoch]ChangeID{}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			c := &Change{Kind: ChangeKind(rapid.IntRange(1, 3).Draw(t, "kind")), Bucket: Bucket{Name: name}}
			if c.Kind == CreateBucket {
				c.Given, c.Bucket.Mode = FieldMode, Eventual
			} else if c.Kind == SetBucket {
				c.Given, c.Bucket.TTLMs = FieldTTL, int64(i)
			}
			free := never
			if rapid.Bool().Draw(t, "confirmed") {
				free = always
			}
			id := ChangeID{Seq: uint64(i), Node: 1}
			next, err := m.Apply(c, &testRules, id, free)
			if err != nil {
				require.Nil(t, next)
				continue
			}
			require.Equal(t, m.Epoch+1, next.Epoch)
			made[next.Epoch] = id
			m = next
			seen := map[uint16]bool{}
			for j := range m.Buckets {
				b := &m.Buckets[j]
				require.False(t, seen[b.Slot])
				require.True(t, j == 0 || b.Slot > m.Buckets[j-1].Slot)
				require.Equal(t, b, m.Named(b.Name))
				seen[b.Slot] = true
			}
			for _, r := range m.Retired {
				require.False(t, seen[r.Slot], "slot %d is used and retired", r.Slot)
				seen[r.Slot] = true
			}
			for s := range len(seen) {
				require.True(t, seen[uint16(s)], "slot %d was skipped", s)
			}
		}
		for e, id := range made {
			if m.Epoch-e < keptChanges {
				require.Equal(t, MadeIt, m.Tried(id, e))
				require.Equal(t, Lost, m.Tried(ChangeID{Seq: 999}, e))
			} else {
				require.Equal(t, Forgotten, m.Tried(id, e))
			}
		}
		require.Equal(t, NotTried, m.Tried(ChangeID{}, m.Epoch+1))
	})
}

func TestABucketRemembersEveryNThatItHad(t *testing.T) {
	m, err := FirstMap(3).Apply(create("e", FieldMode|FieldN, Bucket{Mode: Eventual, N: 4}), &testRules, ChangeID{}, never)
	require.NoError(t, err)
	require.Zero(t, m.Named("e").Had)
	for _, n := range []uint8{2, 2, 3, 2} {
		m, err = m.Apply(&Change{Kind: SetBucket, Given: FieldN, Bucket: Bucket{Name: "e", N: n}}, &testRules, ChangeID{}, never)
		require.NoError(t, err)
	}
	require.Equal(t, Sizes(0).With(4).With(2).With(3), m.Named("e").Had)
	m, err = m.Apply(&Change{Kind: SetBucket, Given: FieldTTL, Bucket: Bucket{Name: "e", TTLMs: 5}}, &testRules, ChangeID{}, never)
	require.NoError(t, err)
	require.True(t, m.Named("e").Had.Has(3), "other settings leave it alone")
}
