package freeport

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPortsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 40 {
		base, err := Take(6)
		require.NoError(t, err)
		for port := base; port < base+6; port++ {
			assert.False(t, seen[port], "port %d is handed out twice", port)
			seen[port] = true
			assert.GreaterOrEqual(t, port, first)
			assert.Less(t, port, 32768)
		}
	}
}

func TestPortsInUseAreLeftOut(t *testing.T) {
	base, err := Take(1)
	require.NoError(t, err)
	l, err := net.Listen("tcp", Addr(base+2))
	require.NoError(t, err)
	defer l.Close()
	for range 2 * blockSize { // more than once round
		got, err := Take(2)
		require.NoError(t, err)
		assert.False(t, got <= base+2 && base+2 < got+2)
	}
}

func TestOtherProcessesHaveOtherBlocks(t *testing.T) {
	const child = "QUORATE_FREEPORT_CHILD"
	mine, err := Take(1)
	require.NoError(t, err)
	if os.Getenv(child) != "" {
		t.Logf("port %d.", mine)
		return
	}
	taken := map[int]bool{(mine - first) / blockSize: true}
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run", t.Name(), "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.Output()
		require.NoError(t, err, string(out))
		_, text, _ := strings.Cut(string(out), "port ")
		text, _, _ = strings.Cut(text, ".")
		port, err := strconv.Atoi(text)
		require.NoError(t, err, string(out))
		assert.False(t, taken[(port-first)/blockSize], "port %d is in the block of port %d", port, mine)
	}
}

func TestHowManyPortsCanBeHad(t *testing.T) {
	for _, n := range []int{0, blockSize} {
		_, err := Take(n)
		assert.ErrorContains(t, err, "from 1 to 255 can be had")
	}
	_, err := Take(blockSize - 1)
	assert.NoError(t, err)
}
