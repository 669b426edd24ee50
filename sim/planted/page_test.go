package planted

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestThePageQuotesTheSource keeps docs/plant-a-bug.md true: a newcomer replaces
// its first block of code by its second, so one of them must be in the source,
// once: the second in the hands of a newcomer, who runs all tests.
func TestThePageQuotesTheSource(t *testing.T) {
	page, err := os.ReadFile("../../docs/plant-a-bug.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```go\n")
	require.Greater(t, len(blocks), 3)
	const path = "actors/replica/replica.go"
	require.Contains(t, blocks[0], path, "the page says where")
	source, err := os.ReadFile("../../" + path)
	require.NoError(t, err)
	count := 0
	for _, block := range blocks[1:3] {
		quoted, _, found := strings.Cut(block, "```")
		require.True(t, found)
		count += strings.Count(string(source), quoted)
	}
	require.Equal(t, 1, count, "in %s, once, as the page has it before or after", path)
}
