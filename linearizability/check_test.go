package linearizability

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func set(client int32, call, ret int64, key, v string) Op {
	return Op{Client: client, Call: call, Return: ret, Key: key, Kind: Set, Value: v, Result: Result{Outcome: OK, Applied: true}}
}

func get(client int32, call, ret int64, key, v string) Op {
	return Op{Client: client, Call: call, Return: ret, Key: key, Kind: Get, Result: Result{Outcome: OK, Saw: SawValue, Found: v != "", Out: v}}
}

func lost(op Op) Op {
	op.Result, op.Return = Result{}, 0
	return op
}

func TestEqualTimesOverlap(t *testing.T) {
	assert.Equal(t, Linearizable, Check(History{set(1, 1, 5, "k", "a"), get(2, 5, 6, "k", "")}, Register, Options{}).Answer)
	assert.Equal(t, Illegal, Check(History{set(1, 1, 5, "k", "a"), get(2, 6, 6, "k", "")}, Register, Options{}).Answer)
	// The same, where the zones do not apply.
	again := set(3, 7, 8, "k", "a")
	assert.Equal(t, Linearizable, Check(History{set(1, 1, 5, "k", "a"), get(2, 5, 6, "k", ""), again}, Register, Options{}).Answer)
	assert.Equal(t, Illegal, Check(History{set(1, 1, 5, "k", "a"), get(2, 6, 6, "k", ""), again}, Register, Options{}).Answer)
}

func TestUnknownAndFailedOutcomes(t *testing.T) {
	failed := set(1, 1, 2, "k", "a")
	failed.Outcome = Failed
	ifAbsent := set(4, 4, 7, "k", "b")
	ifAbsent.Cond, ifAbsent.Applied, ifAbsent.Saw = IfAbsent, true, SawFound
	a := lost(set(1, 1, 2, "k", "a"))
	for name, c := range map[string]struct {
		h    History
		want Answer
	}{
		"an unknown write may never happen":    {History{a, get(2, 3, 4, "k", "")}, Linearizable},
		"or happen":                            {History{a, get(2, 3, 4, "k", "a")}, Linearizable},
		"or late":                              {History{a, get(2, 3, 4, "k", ""), get(2, 5, 6, "k", "a")}, Linearizable},
		"but once":                             {History{a, get(2, 3, 4, "k", "a"), get(2, 5, 6, "k", "")}, Illegal},
		"and not before its call":              {History{lost(set(1, 9, 9, "k", "a")), get(2, 3, 4, "k", "a")}, Illegal},
		"a failed write never happens":         {History{failed, get(2, 3, 4, "k", "a")}, Illegal},
		"a failed write leaves things alone":   {History{failed, get(2, 3, 4, "k", "")}, Linearizable},
		"an unknown read tells nothing":        {History{lost(get(2, 1, 2, "k", "x"))}, Linearizable},
		"a value that nobody wrote":            {History{get(2, 3, 4, "k", "a")}, Illegal},
		"nothing":                              {nil, Linearizable},
		"keys are apart":                       {History{set(1, 1, 2, "k", "a"), get(2, 3, 4, "j", "")}, Linearizable},
		"one bad key is enough":                {History{set(1, 1, 2, "j", "a"), set(1, 3, 4, "k", "a"), get(2, 5, 6, "k", "")}, Illegal},
		"an unknown write twice, used twice":   {History{a, a, set(1, 3, 4, "k", "b"), get(2, 5, 6, "k", "a"), set(1, 7, 8, "k", "c"), get(1, 9, 10, "k", "a")}, Linearizable},
		"an unknown write once, wanted twice":  {History{a, set(1, 3, 4, "k", "b"), get(2, 5, 6, "k", "a"), set(1, 7, 8, "k", "b"), get(1, 9, 10, "k", "a")}, Illegal},
		"unknown, after which a write is lost": {History{set(1, 1, 2, "k", "b"), lost(set(1, 3, 3, "k", "a")), get(2, 5, 6, "k", "a"), get(2, 7, 8, "k", "b")}, Illegal},
		"an unknown delete behind a write that returns late": {
			History{set(1, 1, 8, "k", "a"), lost(Op{Client: 2, Call: 2, Kind: Delete, Key: "k"}), ifAbsent, get(3, 9, 10, "k", "b")}, Linearizable},
	} {
		t.Run(name, func(t *testing.T) {
			v := Check(c.h, KV, Options{})
			assert.Equal(t, c.want, v.Answer)
			if v.Answer == Illegal {
				assert.Equal(t, "k", v.Key)
				checkStretch(t, c.h, KV, v)
			}
		})
	}
}

// TestManyOpen has more operations in progress than the search has room for.
func TestManyOpen(t *testing.T) {
	var h History
	for i := range int32(maxOpen + 10) {
		h = append(h, set(i, 1, int64(1000+i), "k", "same"))
	}
	h = append(h, get(0, 2000, 2001, "k", "same"))
	assert.Equal(t, Linearizable, Check(h, KV, Options{Timeout: 10 * time.Second}).Answer)
	h[len(h)-1] = get(0, 2000, 2001, "k", "other")
	v := Check(h, KV, Options{Timeout: 200 * time.Millisecond})
	assert.NotEqual(t, Linearizable, v.Answer)
}

// hardHistory asks which of many lost increments make up a sum.
func hardHistory() History {
	var h History
	r := rand.New(rand.NewPCG(1, 1))
	for range 60 {
		h = append(h, lost(Op{Call: 1, Kind: Incr, Key: "k", Delta: 2 * r.Int64N(1<<40)}))
	}
	return append(h, get(1, 2, 3, "k", strconv.FormatInt(1<<44+1, 10)))
}

func TestBudgets(t *testing.T) {
	begin := time.Now()
	v := Check(hardHistory(), KV, Options{Timeout: 50 * time.Millisecond})
	assert.Equal(t, Verdict{Answer: Undecided, Key: "k"}, v)
	assert.Less(t, time.Since(begin), 5*time.Second)

	var c Checker
	assert.Equal(t, Undecided, c.Check(hardHistory(), KV, Options{MaxSteps: 30_000}).Answer)
	assert.LessOrEqual(t, c.search.steps, 30_001)

	// A key that is illegal settles the verdict, whatever comes before it.
	h := append(hardHistory(), get(1, 1, 2, "illegal", "x"))
	v = Check(h, KV, Options{MaxSteps: 30_000})
	assert.Equal(t, Illegal, v.Answer)
	assert.Equal(t, "illegal", v.Key)
}

func TestValidate(t *testing.T) {
	h := History{set(1, 1, 2, "k", "a"), {Kind: Incr}}
	var bad *OpError
	require.ErrorAs(t, Register.Validate(h), &bad)
	assert.Equal(t, 1, bad.Index)
	require.NoError(t, KV.Validate(h))
	require.ErrorAs(t, KV.Validate(History{set(1, 2, 1, "k", "a")}), &bad)
	require.Error(t, Model(0).Validate(nil))
	for _, name := range ModelNames() {
		m, err := ParseModel(name)
		require.NoError(t, err)
		assert.Equal(t, name, m.String())
	}
	_, err := ParseModel("queue")
	assert.ErrorContains(t, err, "register, cas-register, counter, kv")
	assert.Panics(t, func() { Check(h, Register, Options{}) })
}

func TestRecorder(t *testing.T) {
	var r SyncRecorder
	a := r.Invoke(Op{Key: "k", Kind: Set, Value: "v", Call: 1, Result: Result{Outcome: OK}})
	b := r.Invoke(Op{Key: "k", Kind: Get, Call: 2})
	r.Complete(b, 3, Result{Outcome: OK, Saw: SawValue, Found: true, Out: "v"})
	h := r.History()
	assert.Equal(t, Unknown, h[a].Outcome)
	assert.Equal(t, int64(3), h[b].Return)
	r.Complete(a, 9, Result{})
	assert.Equal(t, h, r.History(), "an unknown outcome has no return")
}
