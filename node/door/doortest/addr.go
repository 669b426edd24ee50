package doortest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddr picks a loopback address where nobody listens. Its port lies below
// those which systems take by themselves for the calling end of connections:
// one of these could be taken before the test listens on it.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const first, last, attempts = 10240, 32767, 100
	for range attempts {
		addr := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first+1))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatalf("no free port from %d to %d in %d attempts", first, last, attempts)
	return ""
}
