package linearizability

import (
	"fmt"
	"io"
	"strings"
)

// Explain prints the stretch, one operation to a line, in order of invocation,
// with the times of call and return.
func (v *Verdict) Explain(w io.Writer) error {
	var b strings.Builder
	if v.From != nil {
		holds := "absent"
		if v.From.Found {
			holds = show(v.From.Value)
		}
		fmt.Fprintf(&b, "  before: %s, as left by\n%s", holds, line(&v.From.By))
		b.WriteString("  then:\n")
	}
	for i := range v.Stretch {
		b.WriteString(line(&v.Stretch[i]))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func line(op *Op) string {
	end := "?"
	switch {
	case op.Outcome == OK:
		end = fmt.Sprint(op.Return)
	case op.answeredLater():
		return fmt.Sprintf("  [%d, later] client %d: %s\n", op.Call, op.Client, op.request())
	}
	return fmt.Sprintf("  [%d, %s] client %d: %s\n", op.Call, end, op.Client, op)
}
