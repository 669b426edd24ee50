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
		b.WriteString("  before: " + v.From.String())
		if v.From.By != nil {
			b.WriteString(", as left by\n" + line(v.From.By) + "  then")
		}
		b.WriteString(":\n")
	}
	for i := range v.Stretch {
		b.WriteString(line(&v.Stretch[i]))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String lists what the key can have held.
func (s *Start) String() string {
	var held []string
	for _, h := range s.Held {
		if h.Found {
			held = append(held, show(h.Value))
		} else {
			held = append(held, "absent")
		}
	}
	if len(held) == 1 {
		return held[0]
	}
	return "one of " + strings.Join(held, ", ")
}

func line(op *Op) string {
	switch {
	case op.Outcome != Unknown:
		return fmt.Sprintf("  [%d, %d] client %d: %s\n", op.Call, op.Return, op.Client, op)
	case op.atEdge():
		return fmt.Sprintf("  [%d, %d] client %d: %s (in progress at the edge: it may have happened here, or not)\n",
			op.Call, op.Return, op.Client, op.request())
	}
	return fmt.Sprintf("  [%d, ?] client %d: %s\n", op.Call, op.Client, op)
}
