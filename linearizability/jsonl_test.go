package linearizability

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestJSONLRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.SliceOf(rapid.Custom(drawOp)).Draw(t, "history")
		var b bytes.Buffer
		require.NoError(t, WriteJSONL(&b, h))
		in, err := ReadJSONL(&b)
		require.NoError(t, err)
		require.Len(t, in.History, len(h))
		for i := range h {
			require.Equal(t, h[i], in.History[i])
		}
	})
}

// drawOp draws an operation in the form that reading gives: fields that do not
// count are zero.
func drawOp(t *rapid.T) Op {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	op := Op{
		Key: text.Draw(t, "key"), Client: rapid.Int32().Draw(t, "client"), Call: rapid.Int64().Draw(t, "call"),
		Kind: Kind(rapid.IntRange(int(Get), int(kinds)-1).Draw(t, "kind")),
	}
	switch op.Kind {
	case Set, Append:
		op.Value = text.Draw(t, "value")
	case CAS:
		op.Value, op.Expected = text.Draw(t, "value"), text.Draw(t, "expected")
	case Incr:
		op.Delta = rapid.Int64().Draw(t, "delta")
	}
	if op.Kind == Set || op.Kind == Delete {
		op.Cond = Cond(rapid.IntRange(0, 2).Draw(t, "cond"))
	}
	op.Outcome = Outcome(rapid.IntRange(0, 2).Draw(t, "outcome"))
	if op.Outcome != Unknown {
		op.Return = rapid.Int64Range(op.Call, 1<<62|op.Call).Draw(t, "return")
	}
	if op.Outcome == OK {
		drawAnswer(t, &op, text)
	}
	return op
}

func drawAnswer(t *rapid.T, op *Op, text *rapid.Generator[string]) {
	op.Applied = true
	if op.Kind == CAS || op.Kind == Incr || op.Cond != Always {
		op.Applied = rapid.Bool().Draw(t, "applied")
	}
	if op.Kind == Incr {
		op.Saw = SawValue
		op.Num = rapid.Int64().Draw(t, "num")
		return
	}
	op.Saw = Saw(rapid.IntRange(0, 2).Draw(t, "saw"))
	if op.Kind == Get && op.Saw == SawNothing {
		op.Saw = SawFound
	}
	if op.Saw != SawNothing {
		op.Found = rapid.Bool().Draw(t, "found")
	}
	if op.Saw == SawValue && op.Found {
		op.Out = text.Draw(t, "out")
	}
}

func TestJSONLByHand(t *testing.T) {
	in, err := ReadJSONL(strings.NewReader(`
# a comment
{"client": 1, "call": 1, "return": 2, "op": "write", "key": "k", "value": 5}
{"client": 2, "call": 1, "op": "incr", "key": "k"}
{"client": 3, "call": 3, "return": 4, "op": "read", "key": "k", "out": null}
`))
	require.NoError(t, err)
	assert.Equal(t, []int{3, 4, 5}, in.Lines)
	assert.Equal(t, History{
		{Client: 1, Call: 1, Return: 2, Kind: Set, Key: "k", Value: "5", Result: Result{Outcome: OK, Applied: true}},
		{Client: 2, Call: 1, Kind: Incr, Key: "k", Delta: 1},
		{Client: 3, Call: 3, Return: 4, Kind: Get, Key: "k", Result: Result{Outcome: OK, Applied: true, Saw: SawValue}},
	}, in.History)
}

func TestJSONLErrorsNameTheLine(t *testing.T) {
	good := `{"client":1,"call":1,"return":2,"op":"set","key":"k","value":"v"}` + "\n"
	for _, c := range []struct{ line, want string }{
		{`{"client":1,"call":`, "not an operation"},
		{`[1]`, "not an operation"},
		{`{"client":1,"call":1,"op":"set","value":"v","colour":"red"}`, "colour"},
		{`{"client":1,"op":"set","value":"v"}`, `"call" is missing`},
		{`{"client":1,"call":1,"op":"fetch"}`, "use get, set"},
		{`{"client":1,"call":1,"return":2,"op":"get"}`, `"out" is missing`},
		{`{"client":1,"call":1,"return":2,"op":"set"}`, `"value" is missing`},
		{`{"client":1,"call":1,"return":2,"op":"set","value":1.5}`, "an integer is due"},
		{`{"client":1,"call":5,"return":2,"op":"set","value":"v"}`, "before its call"},
		{`{"client":1,"call":5,"op":"set","value":"v","outcome":"ok"}`, `"return" is missing`},
		{`{"client":1,"call":5,"op":"set","value":"v","outcome":"maybe"}`, "use ok, fail or unknown"},
		{`{"client":1,"call":5,"op":"get","if":"absent"}`, "not with get"},
		{`{"client":1,"call":5,"op":"set","value":"v","if":"x"}`, "use absent or exists"},
		{`{"client":1,"call":5,"op":"set","value64":"*"}`, "not base64"},
		{`{"client":1,"call":5,"return":6,"op":"incr","out":"x"}`, "64-bit integer"},
		{`{"client":1,"call":5,"return":6,"op":"get","out":"x","found":false}`, "disagree"},
		{`{"call":5,"op":"delete"} {"call":5}`, "more than one"},
	} {
		_, err := ReadJSONL(strings.NewReader(good + c.line + "\n" + good))
		var bad *InputError
		require.ErrorAs(t, err, &bad, c.line)
		assert.Equal(t, 2, bad.Line, c.line)
		assert.Contains(t, bad.Msg, c.want, c.line)
	}
}
