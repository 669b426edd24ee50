package planted

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestThePageQuotesTheSource keeps docs/plant-a-bug.md true: a newcomer replaces
// its first block of code, so that must be in the source, once.
func TestThePageQuotesTheSource(t *testing.T) {
	page, err := os.ReadFile("../../docs/plant-a-bug.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```go\n")
	require.Greater(t, len(blocks), 2)
	quoted, _, found := strings.Cut(blocks[1], "```")
	require.True(t, found)
	const path = "actors/replica/replica.go"
	require.Contains(t, blocks[0], path, "the page says where")
	source, err := os.ReadFile("../../" + path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), quoted), "in %s, once:\n%s", path, quoted)
}
