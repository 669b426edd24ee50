package client

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzReadReply: whatever a peer sends is a reply or an error.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR x\r\n", ":1\r\n", "$-1\r\n", "$1\r\na\r\n", "*2\r\n$-1\r\n:1\r\n", "*-1\r\n", "$9223372036854775807\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := readReply(bufio.NewReader(bytes.NewReader(in)), 1<<16)
		if err == nil && len(r.data) > len(in) {
			t.Fatalf("%d bytes out of %d", len(r.data), len(in))
		}
	})
}
