package resp

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/redcon"
	"pgregory.net/rapid"
)

// parseAll frames buf, offering it in pieces of the given size.
func parseAll(buf []byte, piece int) (cmds [][]string, left int, err error) {
	p := parser{maxBytes: 1 << 20, bulk: -1}
	buf = bytes.Clone(buf)
	at, have := 0, 0
	for {
		n, e := p.next(buf[at:have])
		switch {
		case e != nil:
			return cmds, len(buf) - at, e
		case n > 0:
			if len(p.args) > 0 {
				var c []string
				for _, s := range p.args {
					c = append(c, string(buf[at+s.from:at+s.to]))
				}
				cmds = append(cmds, c)
			}
			p.reset()
			at += n
		case have == len(buf):
			return cmds, len(buf) - at, nil
		default:
			have = min(have+piece, len(buf))
		}
	}
}

// TestParseRoundTrip: what clients encode comes back, in pieces of any size.
func TestParseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.SliceOfN(rapid.StringOfN(rapid.Rune(), 0, 40, -1), 1, 8), 1, 8).Draw(t, "commands")
		var b strings.Builder
		for _, c := range want {
			b.WriteString(cmd(c...))
		}
		got, left, err := parseAll([]byte(b.String()), rapid.IntRange(1, 64).Draw(t, "piece"))
		require.NoError(t, err)
		require.Zero(t, left)
		require.Equal(t, want, got)
	})
}

// FuzzParse: no input panics, spans stay inside, how the bytes are cut does not
// matter, and where redcon frames a command we frame the same one.
func FuzzParse(f *testing.F) {
	for _, s := range []string{cmd("SET", "a", "b"), "PING\r\n", "*1\r\n$9223372036854775800\r\nabc", "*2\r\n$1\r\na\r\n$0\r\n\r\n",
		"SET \"a\\x41\" 'b\\''\r\n", "*0\r\n*-1\r\n", "\"", "*1\r\n$1\r\nab\r\n", "a\\\r\n"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		whole, left, err := parseAll(in, len(in)+1)
		require.LessOrEqual(t, left, len(in))
		parts, left2, err2 := parseAll(in, 1+abs(piece)%64)
		require.Equal(t, whole, parts)
		require.Equal(t, err, err2)
		if err == nil {
			require.Equal(t, left, left2)
		}
		if len(whole) == 0 || in[0] != '*' || bytes.HasPrefix(in, []byte("*0")) || bytes.HasPrefix(in, []byte("*-")) {
			return
		}
		complete, args, _, _, rerr := redcon.ReadNextCommand(in, nil)
		if rerr != nil || !complete {
			t.Fatalf("redcon: complete %v, %v; ours %q", complete, rerr, whole[0])
		}
		require.Len(t, args, len(whole[0]))
		for i := range args {
			require.Equal(t, whole[0][i], string(args[i]))
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

func TestParseInt(t *testing.T) {
	for _, s := range []string{"0", "1", "-1", "9223372036854775807", "-9223372036854775808"} {
		n, ok := parseInt([]byte(s))
		require.True(t, ok, s)
		assert.Equal(t, s, strconv.FormatInt(n, 10))
	}
	for _, s := range []string{"", "-", "+1", "01", "-0", "1 ", " 1", "1.0", "0x1", "9223372036854775808", "-9223372036854775809", "99999999999999999999"} {
		_, ok := parseInt([]byte(s))
		assert.False(t, ok, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(math.MinInt64, math.MaxInt64).Draw(t, "n")
		got, ok := parseInt(strconv.AppendInt(nil, n, 10))
		require.True(t, ok)
		require.Equal(t, n, got)
	})
}

func BenchmarkParse(b *testing.B) {
	in := []byte(cmd("SET", "key:000000000001", strings.Repeat("v", 100)))
	p := parser{maxBytes: 1 << 20, bulk: -1}
	b.ReportAllocs()
	for range b.N {
		if n, err := p.next(in); n != len(in) || err != nil {
			b.Fatal(n, err)
		}
		p.reset()
	}
}
