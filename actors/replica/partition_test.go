package replica

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A million keys are a million entries: a word more is 16 MB.
func TestEntriesFillTheirAllocation(t *testing.T) {
	require.EqualValues(t, 144, unsafe.Sizeof(entry{}))
}
