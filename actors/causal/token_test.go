package causal

import (
	"strings"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func sampleSeen(n int) Seen {
	var v Vector
	for i := range n {
		v = append(v, Entry{ID: NewID(kv.NodeID(i/100+1), kv.Incarnation(i%100+1)), Seq: uint64(i)*1e6 + 1})
	}
	return Seen{Vector: v, Register: Stamp{Ms: 1_790_000_000_000, Logical: 3, Node: 2}}
}

func TestTokenComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawObjects(t).Draw(t, "object")
		token, err := AppendToken(nil, o.Seen(), 7, []byte("key"))
		require.NoError(t, err)
		seen, err := ParseToken(string(token), 7, []byte("key"))
		require.NoError(t, err)
		require.Equal(t, o.Seen(), seen)
	})
	seen, err := ParseToken("", 7, []byte("key"))
	require.NoError(t, err)
	require.Equal(t, Seen{}, seen)
}

func TestTokenRefusesAllButItself(t *testing.T) {
	b, err := AppendToken(nil, sampleSeen(2), 7, []byte("key"))
	require.NoError(t, err)
	token := string(b)
	refused := func(s string, bucket uint32, key string) {
		t.Helper()
		_, err := ParseToken(s, bucket, []byte(key))
		require.ErrorIs(t, err, ErrMalformed, "%q", s)
	}
	refused(token, 8, "key")
	refused(token, 7, "other")
	for i := range token {
		refused(token[:i]+string(rune('A'+(token[i]+1)%26))+token[i+1:], 7, "key"+strings.Repeat("x", btoi(token[i] == 'A'+(token[i]+1)%26)))
		if i > 0 {
			refused(token[:i], 7, "key")
			refused(token[:i]+"\n"+token[i:], 7, "key")
		}
	}
	for _, s := range []string{" ", "=", "AQ", "AQ==", token + "=", token + "A", strings.Repeat("A", MaxTokenBytes+1)} {
		refused(s, 7, "key")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestTokenIsBounded(t *testing.T) {
	b, err := AppendToken(nil, sampleSeen(600), 1, nil)
	require.NoError(t, err)
	require.LessOrEqual(t, len(b), MaxTokenBytes)
	_, err = AppendToken(nil, sampleSeen(5000), 1, nil)
	require.ErrorContains(t, err, "allowed are 16384")
	_, err = AppendToken(nil, Seen{Vector: Vector{{ID: NewID(1, 1), Seq: MaxSeq + 1}}}, 1, nil)
	require.NoError(t, err)
}

// FuzzToken: an error of the documented kind, or a token that is written the
// same way again.
func FuzzToken(f *testing.F) {
	for _, n := range []int{0, 1, 3} {
		b, err := AppendToken(nil, sampleSeen(n), 1, []byte("k"))
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, token string) {
		seen, err := ParseToken(token, 1, []byte("k"))
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		if token == "" {
			return
		}
		again, err := AppendToken(nil, seen, 1, []byte("k"))
		require.NoError(t, err)
		require.Equal(t, token, string(again))
	})
}

// FuzzObject: an error of the documented kind, or an object whose encoding is
// the input, byte for byte, and which merges with itself to itself.
func FuzzObject(f *testing.F) {
	src := NewSource(NewID(2, 1))
	o := Object{Count: Counter{{ID: NewID(1, 1), Added: 5}}}
	for i := range 3 {
		f.Add(o.Append(nil))
		var err error
		o, err = o.Put(Seen{Register: Stamp{Ms: int64(i)}}, &src, Value{Kind: kv.Value, Data: []byte("v"), ExpiresMs: 9, Stamp: Stamp{Ms: 2}})
		require.NoError(f, err)
	}
	f.Add(o.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := DecodeObject(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Equal(t, b, o.Append(nil))
		merged := o.Merge(&o)
		require.Equal(t, b, merged.Append(nil))
		require.Equal(t, Equal, o.Compare(&merged))
	})
}
