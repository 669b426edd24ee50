package linearizability

import (
	"io"
	"time"

	"github.com/anishathalye/porcupine"
)

// pictureBudget bounds the search behind a picture. Its result is drawn as far
// as it came; the verdict does not depend on it.
const pictureBudget = 5 * time.Second

// WriteHTML draws h, or only v.Key's part of it if v names one, as a web page.
func WriteHTML(w io.Writer, h History, m Model, v Verdict) error {
	var ops []Op
	for i := range h {
		if v.Answer == Linearizable || h[i].Key == v.Key {
			ops = append(ops, h[i])
		}
	}
	model, history := forPorcupine(m, ops)
	model.Partition = func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		number := map[string]int{}
		for _, op := range all {
			key := op.Output.(*Op).Key
			k, ok := number[key]
			if !ok {
				k = len(parts)
				number[key], parts = k, append(parts, nil)
			}
			parts[k] = append(parts[k], op)
		}
		return parts
	}
	_, info := porcupine.CheckOperationsVerbose(model, history, pictureBudget)
	return porcupine.Visualize(model, info, w)
}
