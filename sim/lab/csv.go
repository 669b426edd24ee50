package lab

import (
	"fmt"
	"io"
)

// WriteCSV writes the t-visibility curve: one line per delay after the commit.
func (r *Report) WriteCSV(w io.Writer) error {
	_, err := fmt.Fprintln(w, "n,r,w,t_ms,p_consistent,reads_issued_at_t,of_these_consistent")
	for _, p := range r.Curve {
		if err == nil {
			_, err = fmt.Fprintf(w, "%d,%d,%d,%.6f,%.6f,%d,%d\n", r.N, r.R, r.W, p.AfterMs, p.Consistent, p.Reads, p.Fresh)
		}
	}
	return err
}
