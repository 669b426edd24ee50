package kv

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTypedDataCarriesItsType(t *testing.T) {
	b, ok := WithType("image/png", []byte("\x89PNG"))
	require.True(t, ok)
	require.Equal(t, "image/png", TypeOf(Typed, b))
	require.Equal(t, "\x89PNG", string(Payload(Typed, b)))
	require.Equal(t, b, Payload(Bytes, b), "only Typed data begins with a type")
	require.Empty(t, TypeOf(Text, b))

	for _, bad := range []string{"", strings.Repeat("x", 256)} {
		_, ok := WithType(bad, nil)
		require.False(t, ok)
	}
	// What a peer sends is not trusted to be well formed.
	for _, bad := range [][]byte{nil, {}, {5}, {5, 'a'}} {
		require.Empty(t, TypeOf(Typed, bad))
		require.Equal(t, bad, Payload(Typed, bad))
	}
}
