package linearizability

func (c *Checker) stretch(h History, m Model, idx []int32) History {
	var out History
	for _, i := range idx {
		out = append(out, h[i])
	}
	return out
}
