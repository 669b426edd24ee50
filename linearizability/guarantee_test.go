package linearizability

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func del(client int32, call, ret int64, key string) Op {
	return Op{Client: client, Call: call, Return: ret, Key: key, Kind: Delete, Result: Result{Outcome: OK, Applied: true}}
}

func cas(client int32, call, ret int64, key, from, to string) Op {
	return Op{Client: client, Call: call, Return: ret, Key: key, Kind: CAS, Expected: from, Value: to, Result: Result{Outcome: OK, Applied: true}}
}

func incr(client int32, call, ret int64, key string, sum int64) Op {
	return Op{Client: client, Call: call, Return: ret, Key: key, Kind: Incr, Delta: 1, Result: Result{Outcome: OK, Applied: true, Saw: SawValue, Num: sum}}
}

func appendTo(client int32, call, ret int64, key, v string) Op {
	return Op{Client: client, Call: call, Return: ret, Key: key, Kind: Append, Value: v, Result: Result{Outcome: OK}}
}

func failed(op Op) Op {
	op.Result = Result{Outcome: Failed}
	return op
}

// breaches lists the guarantees that were found broken.
func breaches(r Report) []Guarantee {
	var list []Guarantee
	for _, f := range r.Findings {
		list = append(list, f.Guarantee)
	}
	return list
}

func TestSessions(t *testing.T) {
	a, b, c := set(1, 1, 2, "k", "a"), set(1, 3, 4, "k", "b"), set(2, 5, 6, "k", "c")
	for name, x := range map[string]struct {
		h    History
		want Guarantee // 0: kept
	}{
		"reads its own write":                       {History{a, get(1, 3, 4, "k", "a")}, 0},
		"does not read its own write":               {History{a, get(1, 3, 4, "k", "")}, ReadYourWrites},
		"reads what its own write replaced":         {History{a, b, get(1, 5, 6, "k", "a")}, ReadYourWrites},
		"somebody else may be late":                 {History{a, get(2, 3, 4, "k", "")}, 0},
		"reads while its write is in flight":        {History{set(1, 1, 9, "k", "a"), get(1, 2, 3, "k", "")}, 0},
		"equal times overlap":                       {History{a, get(1, 2, 3, "k", "")}, 0},
		"reads a concurrent write instead":          {History{set(1, 1, 4, "k", "a"), set(2, 1, 4, "k", "b"), get(1, 5, 6, "k", "b")}, 0},
		"reads an older write of another":           {History{set(2, 1, 2, "k", "x"), set(1, 3, 4, "k", "a"), get(1, 5, 6, "k", "x")}, ReadYourWrites},
		"reads a newer write of another":            {History{a, set(2, 3, 4, "k", "x"), get(1, 5, 6, "k", "x")}, 0},
		"its lost write may not have happened":      {History{lost(a), get(1, 3, 4, "k", "")}, 0},
		"its failed write has not happened":         {History{failed(a), get(1, 3, 4, "k", "")}, 0},
		"a lost write of another hides its own":     {History{a, lost(set(2, 1, 2, "k", "x")), get(1, 3, 4, "k", "x")}, 0},
		"its delete":                                {History{a, del(1, 3, 4, "k"), get(1, 5, 6, "k", "a")}, ReadYourWrites},
		"absent by another's delete":                {History{a, lost(del(2, 1, 2, "k")), get(1, 3, 4, "k", "")}, 0},
		"absent by an old delete":                   {History{del(2, 1, 2, "k"), set(1, 3, 4, "k", "a"), get(1, 5, 6, "k", "")}, ReadYourWrites},
		"its own cas":                               {History{a, cas(1, 3, 4, "k", "a", "b"), get(1, 5, 6, "k", "a")}, ReadYourWrites},
		"a cas that compared with the past":         {History{a, b, cas(1, 5, 6, "k", "a", "x")}, ReadYourWrites},
		"its own increment":                         {History{incr(1, 1, 2, "k", 1), incr(1, 3, 4, "k", 2), get(1, 5, 6, "k", "1")}, ReadYourWrites},
		"a lost increment may explain":              {History{set(1, 1, 2, "k", "4"), lost(incr(2, 1, 2, "k", 0)), set(1, 3, 4, "k", "6"), get(1, 5, 6, "k", "4")}, 0},
		"an increment answered without a number":    {History{set(1, 1, 2, "k", "4"), {Client: 2, Key: "k", Kind: Incr, Delta: 1, Call: 1, Return: 2, Result: Result{Outcome: OK, Applied: true}}, set(1, 3, 4, "k", "6"), get(1, 5, 6, "k", "4")}, ReadYourWrites},
		"a lost append may explain":                 {History{lost(appendTo(2, 1, 2, "k", "b")), set(1, 3, 4, "k", "a"), get(1, 5, 6, "k", "ab")}, 0},
		"equal values, the newer one read":          {History{a, b, set(2, 5, 6, "k", "a"), get(1, 7, 8, "k", "a")}, 0},
		"equal values, both replaced":               {History{a, set(2, 1, 2, "k", "a"), b, get(1, 5, 6, "k", "a")}, ReadYourWrites},
		"older after newer":                         {History{a, b, get(3, 5, 6, "k", "b"), get(3, 7, 8, "k", "a")}, MonotonicReads},
		"newer after older":                         {History{a, b, get(3, 5, 6, "k", "a"), get(3, 7, 8, "k", "b")}, 0},
		"older after newer by two clients":          {History{a, b, get(3, 5, 6, "k", "b"), get(4, 7, 8, "k", "a")}, 0},
		"either order of concurrent writes":         {History{set(1, 1, 4, "k", "a"), set(2, 1, 4, "k", "b"), get(3, 5, 6, "k", "b"), get(3, 7, 8, "k", "a")}, 0},
		"absent after a value":                      {History{a, get(3, 5, 6, "k", "a"), get(3, 7, 8, "k", "")}, MonotonicReads},
		"a lost write, seen and gone":               {History{a, lost(b), get(3, 5, 6, "k", "b"), get(3, 7, 8, "k", "a")}, MonotonicReads},
		"a value that nobody wrote":                 {History{a, get(3, 5, 6, "k", "x")}, Provenance},
		"a value of a failed write":                 {History{failed(a), get(3, 5, 6, "k", "a")}, Provenance},
		"a value from the future":                   {History{get(3, 1, 2, "k", "c"), c}, Provenance},
		"a present key that nobody wrote":           {History{{Client: 1, Key: "k", Kind: Get, Call: 1, Return: 2, Result: Result{Outcome: OK, Saw: SawFound, Found: true}}}, Provenance},
		"found, after its own delete":               {History{a, del(1, 3, 4, "k"), {Client: 1, Key: "k", Kind: Get, Call: 5, Return: 6, Result: Result{Outcome: OK, Saw: SawFound, Found: true}}}, ReadYourWrites},
		"y shows but not x, written before it":      {History{set(1, 1, 2, "x", "1"), set(1, 3, 4, "y", "1"), get(2, 5, 6, "y", "1"), get(2, 7, 8, "x", "")}, MonotonicWrites},
		"x and then y":                              {History{set(1, 1, 2, "x", "1"), set(1, 3, 4, "y", "1"), get(2, 5, 6, "y", "1"), get(2, 7, 8, "x", "1")}, 0},
		"y shows but not x, read before it":         {History{set(3, 1, 2, "x", "1"), get(1, 3, 4, "x", "1"), set(1, 5, 6, "y", "1"), get(2, 7, 8, "y", "1"), get(2, 9, 10, "x", "")}, WritesFollowReads},
		"y was written before x was read":           {History{set(3, 1, 2, "x", "1"), set(1, 3, 4, "y", "1"), get(1, 5, 6, "x", "1"), get(2, 7, 8, "y", "1"), get(2, 9, 10, "x", "")}, 0},
		"by two steps":                              {History{set(1, 1, 2, "x", "1"), set(1, 3, 4, "y", "1"), get(2, 5, 6, "y", "1"), set(2, 7, 8, "z", "1"), get(3, 9, 10, "z", "1"), get(3, 11, 12, "x", "")}, WritesFollowReads},
		"a lost write carries what its writer knew": {History{set(1, 1, 2, "x", "1"), lost(set(1, 3, 4, "y", "1")), get(2, 5, 6, "y", "1"), get(2, 7, 8, "x", "")}, MonotonicWrites},
	} {
		t.Run(name, func(t *testing.T) {
			r := CheckSessions(x.h, KV, SessionOptions{})
			if x.want == 0 {
				require.True(t, r.Kept(), breaches(r))
				return
			}
			require.Equal(t, []Guarantee{x.want}, breaches(r))
			require.NotEqual(t, Linearizable, Check(r.Findings[0].Ops, KV, Options{}).Answer, "the evidence stands by itself")
			alone := CheckSessions(x.h, KV, SessionOptions{PerKey: true})
			across := x.want == MonotonicWrites || x.want == WritesFollowReads
			require.Equal(t, across, alone.Kept(), "keys alone")
		})
	}
}

func TestFindingInOneLine(t *testing.T) {
	r := CheckSessions(History{set(1, 1, 2, "k", "a"), get(1, 3, 4, "k", "")}, KV, SessionOptions{})
	require.Equal(t, `read your writes, key "k": the client read what its own write, called later, had replaced: `+
		`[1, 2] client 1: set "k" "a" -> ok; [3, 4] client 1: get "k" -> absent`, r.Findings[0].String())
}

func TestStaleness(t *testing.T) {
	h := History{set(1, 1, 2, "k", "a"), set(1, 10, 12, "k", "b"), set(1, 20, 21, "k", "c"), set(2, 20, 90, "k", "d")}
	for name, x := range map[string]struct {
		read Op
		want Staleness
	}{
		"fresh":                       {get(3, 30, 31, "k", "c"), Staleness{}},
		"in flight":                   {get(3, 30, 31, "k", "d"), Staleness{}},
		"one behind":                  {get(3, 30, 31, "k", "b"), Staleness{1, 9, 1}},
		"two behind":                  {get(3, 30, 31, "k", "a"), Staleness{1, 18, 2}},
		"the untouched key":           {get(3, 30, 31, "k", ""), Staleness{1, 28, 3}},
		"replaced while it was read":  {get(3, 12, 31, "k", "a"), Staleness{}},
		"replaced just before":        {get(3, 13, 31, "k", "a"), Staleness{1, 1, 1}},
		"an older one that may be d":  {get(3, 91, 92, "k", "b"), Staleness{1, 70, 2}},
		"the concurrent one, settled": {get(3, 91, 92, "k", "c"), Staleness{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, r := CheckStaleness(append(h[:4:4], x.read), KV, StalenessBound{Ns: 17, Versions: -1})
			assert.Equal(t, x.want, got)
			assert.Equal(t, got.Ns <= 17, r.Kept())
			_, r = CheckStaleness(append(h[:4:4], x.read), KV, StalenessBound{Ns: -1, Versions: 1})
			assert.Equal(t, got.Versions <= 1, r.Kept())
			if !r.Kept() {
				assert.Equal(t, Illegal, Check(r.Findings[0].Ops, KV, Options{}).Answer)
			}
		})
	}
	// A write that was read is done, although nobody acknowledged it.
	seen := History{set(1, 1, 2, "k", "a"), lost(set(2, 3, 4, "k", "b")), get(1, 5, 6, "k", "b"), get(1, 9, 10, "k", "a")}
	got, _ := CheckStaleness(seen, KV, StalenessBound{})
	assert.Equal(t, Staleness{1, 3, 1}, got)
	// What an append may have made does not show that a write of the same value is done.
	either := History{
		appendTo(1, 0, 4, "k", "b"), set(2, 1, 2, "k", "a"), get(3, 3, 9, "k", "ab"), set(2, 5, 5, "k", "c"),
		lost(set(4, 6, 6, "k", "ab")), get(3, 10, 11, "k", "c"),
	}
	require.Equal(t, Linearizable, Check(either, KV, Options{}).Answer)
	got, _ = CheckStaleness(either, KV, StalenessBound{})
	assert.Equal(t, Staleness{}, got)

	_, r := CheckStaleness(History{lost(incr(1, 1, 2, "k", 0)), set(1, 3, 4, "k", "9"), get(1, 5, 6, "k", "1")}, KV, StalenessBound{})
	assert.Equal(t, Report{Unjudged: 1}, r)
}

func TestLostWrites(t *testing.T) {
	a, b := set(1, 1, 2, "k", "a"), set(1, 3, 4, "k", "b")
	for name, x := range map[string]struct {
		h    History
		lost int
		says string
	}{
		"visible":                            {History{a, get(2, 9, 10, "k", "a")}, 0, ""},
		"gone":                               {History{a, get(2, 9, 10, "k", "")}, 1, "acknowledged write is gone"},
		"overwritten":                        {History{a, b, get(2, 9, 10, "k", "b")}, 0, ""},
		"the last of two is gone":            {History{a, b, get(2, 9, 10, "k", "a")}, 1, "acknowledged write is gone"},
		"both gone, one of them overwritten": {History{a, b, get(2, 9, 10, "k", "")}, 1, `"b"`},
		"two concurrent ones gone":           {History{set(1, 1, 4, "k", "a"), set(2, 1, 4, "k", "b"), get(2, 9, 10, "k", "")}, 2, ""},
		"overwritten by a concurrent one":    {History{set(1, 1, 4, "k", "a"), set(2, 1, 4, "k", "b"), get(2, 9, 10, "k", "a")}, 0, ""},
		"maybe overwritten":                  {History{a, lost(set(2, 1, 2, "k", "x")), get(2, 9, 10, "k", "x")}, 0, ""},
		"an unknown one may be gone":         {History{a, lost(b), get(2, 9, 10, "k", "a")}, 0, ""},
		"one replica is late":                {History{a, get(2, 9, 10, "k", ""), get(2, 11, 12, "k", "a")}, 0, ""},
		"back from the dead":                 {History{a, del(1, 3, 4, "k"), get(2, 9, 10, "k", "a")}, 1, "delete"},
		"deleted":                            {History{a, del(1, 3, 4, "k"), get(2, 9, 10, "k", "")}, 0, ""},
		"maybe deleted":                      {History{a, lost(del(2, 1, 2, "k")), get(2, 9, 10, "k", "")}, 0, ""},
		"nobody read":                        {History{a, get(2, 1, 9, "k", "")}, 0, ""},
		"increments":                         {History{incr(1, 1, 2, "k", 1), incr(2, 1, 3, "k", 2), get(2, 9, 10, "k", "2")}, 0, ""},
		"an increment is gone":               {History{incr(1, 1, 2, "k", 1), incr(2, 1, 3, "k", 1), get(2, 9, 10, "k", "1")}, 1, "increments of 2"},
		"an unknown increment":               {History{incr(1, 1, 2, "k", 1), lost(incr(2, 1, 3, "k", 1)), get(2, 9, 10, "k", "2")}, 0, ""},
		"all increments are gone":            {History{incr(1, 1, 2, "k", 1), lost(incr(2, 1, 3, "k", 1)), get(2, 9, 10, "k", "")}, 1, "0 is read"},
	} {
		t.Run(name, func(t *testing.T) {
			r := CheckLostWrites(x.h, KV, AfterLastWrite)
			require.Equal(t, x.lost, r.Breaches)
			var text strings.Builder
			require.NoError(t, r.Explain(&text))
			require.Contains(t, text.String(), x.says)
			require.Equal(t, name != "nobody read" && name != "maybe deleted", r.Judged == 1)
			for _, f := range r.Findings {
				if !strings.Contains(f.Why, "increments") {
					require.Equal(t, Illegal, Check(f.Ops, KV, Options{}).Answer)
				}
			}
		})
	}
	read := CheckLostWrites(History{a, lost(b), get(2, 5, 6, "k", "b"), get(2, 9, 10, "k", "a")}, KV, 7)
	require.Equal(t, 1, read.Breaches)
	assert.Contains(t, read.Findings[0].Why, "a write that had been read is gone")

	late := History{a, get(2, 5, 6, "k", ""), get(2, 50, 51, "k", "a")}
	assert.True(t, func() bool { r := CheckLostWrites(late, KV, 40); return r.Kept() }())
	assert.Equal(t, 1, CheckLostWrites(late[:2], KV, AfterLastWrite).Breaches)
	assert.Equal(t, Report{Unjudged: 1}, CheckLostWrites(late[:2], KV, 40), "too early to be final")
}

func TestConvergence(t *testing.T) {
	a := set(1, 1, 2, "k", "a")
	for name, x := range map[string]struct {
		h      History
		judged bool
		want   int
	}{
		"agree":                     {History{a, get(2, 5, 6, "k", "a"), get(3, 5, 6, "k", "a")}, true, 0},
		"differ":                    {History{a, get(2, 5, 6, "k", "a"), get(3, 5, 6, "k", "")}, true, 1},
		"differed before":           {History{a, get(3, 1, 2, "k", ""), get(2, 5, 6, "k", "a"), get(3, 5, 6, "k", "a")}, true, 0},
		"agree on what is wrong":    {History{a, get(2, 5, 6, "k", ""), get(3, 5, 6, "k", "")}, true, 0},
		"one read":                  {History{a, get(2, 5, 6, "k", "a")}, false, 0},
		"a late unknown write":      {History{a, lost(set(4, 1, 2, "k", "b")), get(2, 5, 6, "k", "a"), get(3, 5, 6, "k", "b")}, false, 0},
		"unknown, differ otherwise": {History{a, lost(set(4, 1, 2, "k", "b")), get(2, 5, 6, "k", "a"), get(3, 5, 6, "k", "")}, true, 1},
		"a late unknown delete":     {History{a, lost(del(4, 1, 2, "k")), get(2, 5, 6, "k", "a"), get(3, 5, 6, "k", "")}, false, 0},
		"a late unknown increment":  {History{lost(incr(4, 1, 2, "k", 0)), get(2, 5, 6, "k", "1"), get(3, 5, 6, "k", "")}, false, 0},
		"counts differ":             {History{incr(4, 1, 2, "k", 1), get(2, 5, 6, "k", "1"), get(3, 5, 6, "k", "")}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := CheckConvergence(x.h, KV, AfterLastWrite)
			require.Equal(t, x.want, r.Breaches)
			require.Equal(t, x.judged, r.Judged == 1)
		})
	}
}

// TestGuaranteesNeverAccuseTheLinearizable runs histories of clients that
// overlap on registers which really execute one operation after the other,
// over several keys, with lost answers, through every check.
func TestGuaranteesNeverAccuseTheLinearizable(t *testing.T) {
	judged := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		x := mixes[rapid.IntRange(0, len(mixes)-1).Draw(t, "mix")]
		h := drawSequential(t, x)
		var o Observations
		o.Load(h, x.model)
		finalNs := rapid.SampledFrom([]int64{AfterLastWrite, 0, 20}).Draw(t, "final")
		worst, stale := o.Staleness(StalenessBound{})
		for name, r := range map[string]Report{
			"sessions": o.Sessions(SessionOptions{}), "per key": o.Sessions(SessionOptions{PerKey: true}), "staleness": stale,
			"lost writes": o.LostWrites(finalNs), "convergence": o.Convergence(finalNs),
		} {
			judged[name] += r.Judged
			if !r.Kept() {
				var text strings.Builder
				_ = r.Explain(&text)
				t.Fatalf("%s of %s\n%s\nin\n%s", name, x.name, text.String(), dump(h))
			}
		}
		if worst != (Staleness{}) {
			t.Fatalf("staleness %+v", worst)
		}
	})
	for _, name := range []string{"sessions", "per key", "staleness", "lost writes", "convergence"} {
		assert.Greater(t, judged[name], 50, name)
	}
}

// TestWhatIsAccusedIsIllegal draws histories with false answers: whatever a
// guarantee accuses, the checker of linearizability must convict.
func TestWhatIsAccusedIsIllegal(t *testing.T) {
	const rounds = 1500 // of each mix
	var c Checker
	var o Observations
	for n, x := range mixes {
		t.Run(x.name, func(t *testing.T) {
			illegal, accused := 0, 0
			for i := range rounds {
				r := seeded(uint64(n)<<32 | uint64(i))
				x.clients, x.ops = 1+r.IntN(5), 1+r.IntN(30)
				x.unknown, x.lie = []float64{0, 0.1, 0.3}[r.IntN(3)], []float64{0, 0.05, 0.2}[r.IntN(3)]
				h := x.draw(r)
				o.Load(h, x.model)
				_, stale := o.Staleness(StalenessBound{})
				reports := []Report{o.Sessions(SessionOptions{}), stale, o.LostWrites(AfterLastWrite), o.Convergence(AfterLastWrite)}
				verdict := c.Check(h, x.model, Options{NoStretch: true}).Answer
				if verdict == Illegal {
					illegal++
				}
				broken := false
				for _, report := range reports {
					broken = broken || !report.Kept()
					if verdict == Linearizable && !report.Kept() {
						var text strings.Builder
						_ = report.Explain(&text)
						t.Fatalf("round %d: accused although legal\n%s\nin\n%s", i, text.String(), dump(h))
					}
				}
				if broken {
					accused++
				}
			}
			t.Logf("%d illegal, %d of them accused", illegal, accused)
			require.Greater(t, accused, illegal/20)
		})
	}
}

// drawSequential is a linearizable history over several keys.
func drawSequential(t *rapid.T, x mix) History {
	type open struct {
		op   Op
		done bool
	}
	var v values
	v.reset()
	keys := []string{"x", "y", "z"}[:rapid.IntRange(1, 3).Draw(t, "keys")]
	state := map[string]value{}
	for _, k := range keys {
		state[k] = v.initial(x.model)
	}
	r := seeded(rapid.Uint64().Draw(t, "seed"))
	clients, lossy := 1+r.IntN(5), r.IntN(3)
	x.saw = x.saw || r.IntN(2) == 0
	pending := make([]*open, clients)
	names := make([]int32, clients) // some clients are reborn when an answer is lost
	var lostOnes []*open
	var h History
	now := int64(0)
	execute := func(p *open) {
		if !p.done {
			p.done = true
			state[p.op.Key] = x.answer(r, &v, state[p.op.Key], &p.op)
		}
	}
	for n := range 20 + r.IntN(150) {
		now += r.Int64N(2)
		if n%7 == 6 && len(lostOnes) > 0 {
			execute(lostOnes[r.IntN(len(lostOnes))])
		}
		c := r.IntN(clients)
		p := pending[c]
		switch {
		case p == nil:
			op := x.request(r, n, names[c], now)
			op.Key = keys[r.IntN(len(keys))]
			pending[c] = &open{op: op}
		case !p.done && r.IntN(20) < lossy:
			lostOnes = append(lostOnes, p)
			h = append(h, lost(p.op))
			pending[c] = nil
			names[c] += int32(clients * r.IntN(2))
		case !p.done:
			execute(p)
		default:
			p.op.Return = now
			h = append(h, p.op)
			pending[c] = nil
		}
	}
	for _, p := range pending {
		if p != nil {
			h = append(h, lost(p.op))
		}
	}
	for range 3 * len(keys) { // the final reads
		now++
		op := Op{Key: keys[r.IntN(len(keys))], Client: r.Int32N(4), Call: now, Return: now, Kind: Get}
		state[op.Key] = x.answer(r, &v, state[op.Key], &op)
		h = append(h, op)
		if len(lostOnes) > 0 && r.IntN(4) == 0 {
			execute(lostOnes[r.IntN(len(lostOnes))])
		}
	}
	return h
}
