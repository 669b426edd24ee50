package linearizability

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// pictureBudget bounds the search behind a picture. Its result is drawn as far
// as it came; the verdict does not depend on it.
const pictureBudget = 3 * time.Second

// pictureKeys bounds the keys, and pictureOps the operations, of a picture of
// a linearizable history: a browser has to draw them.
const (
	pictureKeys = 50
	pictureOps  = 5000
)

// WriteHTML draws h as a web page: the key that the verdict names with the
// offending stretch marked, or as many keys as a browser can bear.
func WriteHTML(w io.Writer, h History, m Model, v Verdict) error {
	ops, keys := pictured(h, v)
	model, history := forPorcupine(m, ops)
	// Operations of unknown outcome never return; in the picture they end
	// where everything ends.
	end := int64(math.MinInt64)
	for i := range history {
		if end = max(end, history[i].Call); history[i].Return != math.MaxInt64 {
			end = max(end, history[i].Return)
		}
	}
	if end < math.MaxInt64 {
		end++
	}
	for i := range history {
		history[i].Return = min(history[i].Return, end)
	}
	model.Partition = func(all []porcupine.Operation) [][]porcupine.Operation {
		parts := make([][]porcupine.Operation, len(keys))
		for _, op := range all {
			k := slices.Index(keys, op.Output.(*Op).Key)
			parts[k] = append(parts[k], op)
		}
		return slices.DeleteFunc(parts, func(p []porcupine.Operation) bool { return len(p) == 0 })
	}
	if rowsOf(history) {
		model.DescribeOperation = func(_, output any) string {
			op := output.(*Op)
			return fmt.Sprintf("client %d: %s", op.Client, op)
		}
	}
	_, info := porcupine.CheckOperationsVerbose(model, history, pictureBudget)
	info.AddAnnotations(annotations(v, end))
	return porcupine.Visualize(model, info, w)
}

// mostRows is how many clients keep their numbers whatever they are.
const mostRows = 64

// rowsOf numbers the clients anew, in their order, where that saves many rows: the
// picture has one for each number up to the highest. It reports whether it did.
func rowsOf(history []porcupine.Operation) bool {
	var clients []int
	for i := range history {
		clients = append(clients, history[i].ClientId)
	}
	slices.Sort(clients)
	clients = slices.Compact(clients)
	if n := len(clients); n == 0 || clients[0] >= 0 && clients[n-1] < max(mostRows, 2*n) {
		return false
	}
	for i := range history {
		history[i].ClientId, _ = slices.BinarySearch(clients, history[i].ClientId)
	}
	return true
}

// pictured picks the operations to draw, and their keys.
func pictured(h History, v Verdict) (ops []Op, keys []string) {
	if v.Answer != Linearizable {
		keys = []string{v.Key}
	}
	for i := range h {
		at := slices.Index(keys, h[i].Key)
		if v.Answer == Linearizable && at < 0 && len(keys) < pictureKeys && len(ops) < pictureOps {
			at, keys = 0, append(keys, h[i].Key)
		}
		if at >= 0 {
			ops = append(ops, h[i])
		}
	}
	return ops, keys
}

// annotations marks the offending stretch, on a line of its own.
func annotations(v Verdict, end int64) []porcupine.Annotation {
	const tag, red, grey = "stretch", "#f4a3a3", "#dddddd"
	var all []porcupine.Annotation
	add := func(op *Op, what, colour string) {
		until := end
		if op.Outcome == OK {
			until = op.Return
		}
		all = append(all, porcupine.Annotation{
			Tag: fmt.Sprintf("%s: client %d", tag, op.Client), Start: op.Call, End: until,
			Description: op.request(), Details: what + line(op), BackgroundColor: colour,
		})
	}
	if v.From != nil && v.From.By != nil {
		add(v.From.By, "the state before the stretch, as left by ", grey)
	}
	for i := range v.Stretch {
		add(&v.Stretch[i], "no order of the marked operations explains every answer: ", red)
	}
	return all
}
