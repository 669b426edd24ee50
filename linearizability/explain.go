package linearizability

import (
	"fmt"
	"io"
)

// Explain prints the stretch, one operation to a line, in order of invocation.
func (v *Verdict) Explain(w io.Writer) error {
	for i := range v.Stretch {
		op := &v.Stretch[i]
		end := "?"
		if op.Outcome == OK {
			end = fmt.Sprint(op.Return)
		}
		if _, err := fmt.Fprintf(w, "  [%d, %s] client %d: %s\n", op.Call, end, op.Client, op); err != nil {
			return err
		}
	}
	return nil
}
