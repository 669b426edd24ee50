package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Header is the first line of a state file: what its tallies may be added to.
type Header struct {
	Build      string `json:"build"`
	Executable string `json:"executable"` // hash of the program
}

// Chunk is one more line each: some seeds of a cell.
type Chunk struct {
	Cell  string `json:"cell"`
	From  uint64 `json:"from"`
	N     int    `json:"n"`
	Tally *Tally `json:"tally"`
}

// ChunkKey names a chunk.
type ChunkKey struct {
	Cell string
	From uint64
	N    int
}

// Key is what names the chunk.
func (c *Chunk) Key() ChunkKey { return ChunkKey{c.Cell, c.From, c.N} }

// ReadState reads a state file. A last line that was cut off is left out; kept is
// how many bytes are whole lines. The error says why the file can't be gone on with.
func ReadState(text []byte, want Header) (done map[ChunkKey]*Tally, kept int, err error) {
	done = map[ChunkKey]*Tally{}
	for number := 1; ; number++ {
		end := bytes.IndexByte(text[kept:], '\n')
		if end < 0 {
			return done, kept, nil
		}
		line := text[kept : kept+end]
		kept += end + 1
		if number == 1 {
			var h Header
			if err := json.Unmarshal(line, &h); err != nil {
				return nil, 0, fmt.Errorf("line 1: this is no state of a matrix: %w", err)
			}
			if h != want {
				return nil, 0, fmt.Errorf("it is of build %s (program %s), and this is build %s (program %s)", h.Build, h.Executable, want.Build, want.Executable)
			}
			continue
		}
		var c Chunk
		if err := json.Unmarshal(line, &c); err != nil || c.Tally == nil {
			return nil, 0, fmt.Errorf("line %d is damaged", number)
		}
		done[c.Key()] = c.Tally
	}
}
