package doortest

import (
	"testing"

	"github.com/quoratedb/quorate/internal/freeport"
)

// FreeAddr is a loopback address where nobody listens, and that no other test is given.
func FreeAddr(t testing.TB) string {
	t.Helper()
	port, err := freeport.Take(1)
	if err != nil {
		t.Fatal(err)
	}
	return freeport.Addr(port)
}
