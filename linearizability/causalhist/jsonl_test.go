package causalhist

import (
	"bytes"
	"strings"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

func TestJSONLRoundTrip(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	r := s.get("a", "b \n\"")
	s.op(Op{Kind: Set, Value: "c", Context: r + 1, Stamp: Stamp{Ms: 7, Logical: 1, Node: 2}, MayExpire: 3, Expires: 4, LimitMs: 5, Quorum: 2, Zone: 3, Boot: 6})
	s.op(Op{Kind: Delete, Outcome: Unknown})
	s.op(Op{Kind: Incr, Delta: 4, Sum: 12, Outcome: Failed})
	s.final("c")
	keys := []Key{
		{Name: "k", Rules: Rules{Policy: kv.Siblings, N: 3, Unit: 1, Moving: true, WriteBack: true, Lossy: true}, Ops: s.h},
		{Name: "idle", Rules: Rules{Policy: kv.Counters, N: 5}},
	}
	var file bytes.Buffer
	require.NoError(t, WriteJSONL(&file, keys))
	got, err := ReadJSONL(strings.NewReader("# a comment\n\n" + file.String()))
	require.NoError(t, err)
	require.Equal(t, keys, got)
}

func TestJSONLErrorsNameTheLine(t *testing.T) {
	const head = `{"key":"k","policy":"lww","n":3}` + "\n"
	for line, want := range map[string]string{
		`{"key":"k","op":"get","outcome":"ok"`:               "line 2: not an operation or a key",
		`{"key":"k","op":"get","outcome":"ok","colour":1}`:   `line 2: not an operation or a key: json: unknown field "colour"`,
		`{"key":"other","op":"get","outcome":"ok"}`:          "line 2: an operation of another key",
		`{"key":"k","op":"cas","outcome":"ok"}`:              `line 2: "op" is "cas": use get, set, delete, incr`,
		`{"key":"k","op":"get","outcome":"perhaps"}`:         `line 2: "outcome" is "perhaps": use ok, fail, unknown`,
		`{"key":"k","op":"set","outcome":"ok","context":1}`:  `line 2: "context" is 1: before it the key has 0 operations`,
		`{"key":"k","op":"set","outcome":"ok","context":-1}`: `line 2: "context" is -1`,
		`{"key":"z","policy":"best"}`:                        "line 2: ",
	} {
		_, err := ReadJSONL(strings.NewReader(head + line + "\n"))
		require.ErrorContains(t, err, want, line)
	}
}

func TestLinesSayWhatWasAskedAndTold(t *testing.T) {
	s := &script{}
	s.set("a", 0)
	s.get("a", "b")
	s.op(Op{Kind: Delete, Outcome: Unknown, Client: 2})
	s.op(Op{Kind: Incr, Delta: 4})
	s.final("a")
	var lines []string
	for i := range s.h {
		lines = append(lines, s.h[i].Line())
	}
	require.Equal(t, []string{
		`[0, 5] client 0: set "a" -> ok`,
		`[10, 15] client 0: get -> ["a" "b"]`,
		`[20, ?] client 2: delete -> unknown`,
		`[30, 35] client 0: incr by 4 -> ok`,
		`[40, 45] all replicas in the end: get -> ["a"]`,
	}, lines)
}
