package causalhist

import (
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

// mortal is a write whose value may expire from one time on and must have by another.
func (s *script) mortal(value string, may, must int64) int {
	return s.op(Op{Kind: Set, Value: value, Quorum: 2, MayExpire: may, Expires: must, Stamp: Stamp{Ms: int64(len(s.h)) + 1, Node: 1}})
}

func (s *script) quorumGet(saw ...string) int {
	return s.op(Op{Kind: Get, Saw: saw, Whole: true, Quorum: 2})
}

func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		name      string
		may, must int64
		saw       []string
		want      string
	}{
		{"gone before its time", 100, 200, nil, StaleRead},
		{"shown in its time", 100, 200, []string{"a"}, ""},
		{"gone when it may be", 12, 200, nil, ""},
		{"shown when it may be", 12, 200, []string{"a"}, ""},
		{"shown after its time", 5, 9, []string{"a"}, Expired},
		{"gone after its time", 5, 9, nil, ""},
	} {
		for _, policy := range []kv.Policy{kv.LWW, kv.Siblings} {
			s := &script{}
			s.mortal("a", c.may, c.must)
			s.quorumGet(c.saw...) // from 10 to 15
			for i := range s.h {
				s.h[i].Client = i
			}
			got := checks(s.h, Rules{Policy: policy, N: 3})
			if c.want == "" {
				require.Empty(t, got, "%s, %v", c.name, policy)
			} else {
				require.Equal(t, []string{c.want}, got, "%s, %v", c.name, policy)
			}
		}
	}
}

// TestWhatExpiredIsNotOverwritten: an older value must not come back.
func TestWhatExpiredIsNotOverwritten(t *testing.T) {
	s := &script{}
	s.mortal("a", 0, 0)
	s.mortal("b", 15, 18)
	s.h[1].Client = 1
	s.quorumGet("a")
	s.h[2].Client = 2
	require.Equal(t, []string{StaleRead}, checks(s.h, Rules{Policy: kv.LWW, N: 3}))
}
