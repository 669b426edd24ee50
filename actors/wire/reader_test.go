package wire_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/quoratedb/quorate/actors/wire"
	"github.com/stretchr/testify/require"
)

var errBad = errors.New("bad")

func TestFieldsComeBack(t *testing.T) {
	b := binary.AppendUvarint(nil, 1<<40)
	b = binary.AppendVarint(b, math.MinInt64)
	b = binary.LittleEndian.AppendUint64(b, 7)
	b = append(b, 2, 'h', 'i', 1, 0)
	r := wire.Reader{B: b}
	require.Equal(t, uint64(1<<40), r.Uvarint())
	require.Equal(t, int64(math.MinInt64), r.Varint())
	require.Equal(t, uint64(7), r.Fixed64())
	require.Equal(t, "hi", string(r.Bytes()))
	require.True(t, r.Bool())
	require.Nil(t, r.Bytes())
	require.NoError(t, r.End(errBad, "thing"))
}

func TestFailuresAreReportedOnceAndStay(t *testing.T) {
	for name, read := range map[string]func(r *wire.Reader){
		"cut short at byte 0 of 0":                func(r *wire.Reader) { r.Byte() },
		"longer than it need be at byte 0 of 2":   func(r *wire.Reader) { r.Uvarint() },
		"above its limit":                         func(r *wire.Reader) { r.UpTo(3) },
		"outside 5 to 9":                          func(r *wire.Reader) { r.Within(5, 9) },
		"more items than bytes at byte 1 of 1":    func(r *wire.Reader) { r.Count(1) },
		"bytes that are cut short at byte 1 of 1": func(r *wire.Reader) { r.Bytes() },
		"a flag that is neither 0 nor 1":          func(r *wire.Reader) { r.Bool() },
		"cut short at byte 0 of 1":                func(r *wire.Reader) { r.Fixed64() },
	} {
		input := map[string][]byte{"cut short at byte 0 of 0": nil, "longer than it need be at byte 0 of 2": {0x80, 0}}
		b, ok := input[name]
		if !ok {
			b = []byte{4}
		}
		r := wire.Reader{B: b}
		read(&r)
		err := r.End(errBad, "thing")
		require.ErrorIs(t, err, errBad)
		require.Contains(t, err.Error(), name)
		require.Zero(t, r.Uvarint(), "nothing is found after a failure")
		require.Equal(t, err.Error(), r.End(errBad, "thing").Error())
	}
}

func TestBytesLeftOverAreAFailure(t *testing.T) {
	r := wire.Reader{B: []byte{4}}
	require.NoError(t, r.Err(errBad, "thing"))
	require.EqualError(t, r.End(errBad, "thing"), "bad thing: 1 bytes left over at byte 0 of 1")
}
