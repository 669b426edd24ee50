package matrix

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// WriteCSV writes one line per cell and measure. A build is named in the page
// that goes with it, not here, so that equal numbers make equal files.
func (t *Table) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	lines := [][]string{{"cell", "setting", "faults", "measure", "unit", "k", "n", "rate", "ci95_low", "ci95_high",
		"seeds_showing_it", "seeds", "smallest_seed", "smallest_ops", "replay"}}
	for _, r := range t.rows() {
		rate, seed, ops := "", "", ""
		if r.N > 0 {
			rate = fmt.Sprintf("%.6f", r.Rate)
		}
		if r.Smallest != nil {
			seed, ops = strconv.FormatUint(*r.Smallest, 10), strconv.Itoa(r.Ops)
		}
		lines = append(lines, []string{r.Cell, r.Setting, r.Faults, r.Measure, r.Unit, strconv.Itoa(r.K), strconv.Itoa(r.N), rate,
			fmt.Sprintf("%.6f", r.Low), fmt.Sprintf("%.6f", r.High), strconv.Itoa(r.Seeds), strconv.Itoa(r.Of), seed, ops, r.Replay})
	}
	if err := c.WriteAll(lines); err != nil {
		return err
	}
	return c.Error()
}
