package httpd

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
)

func FuzzParseRev(f *testing.F) {
	f.Add("e1.r3.n2.i7-42")
	f.Add("e1.r3.n2.i7")
	f.Add("e4294967296.r3.n65536.i7--1")
	f.Fuzz(func(t *testing.T, s string) {
		if v, ok := parseRev(s); ok {
			require.Equal(t, s, revText(v), "one spelling only")
		}
	})
}

// FuzzValue: what a client reads back is always JSON.
func FuzzValue(f *testing.F) {
	f.Add([]byte("a\"\xff"), uint8(0))
	f.Add([]byte(`{"a":1}`), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, media uint8) {
		b := appendValue(appendKey([]byte("{"), data)[:1], data, kv.Media(media%4))
		require.True(t, json.Valid(append(b, '}')), "%q", b)
		if value, m, _, err := openEnvelope(append(b, '}')); err == nil && m == kv.Text && kv.Media(media%4) == kv.Text {
			require.Equal(t, data, value)
		}
	})
}
