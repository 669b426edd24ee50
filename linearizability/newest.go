package linearizability

// newest keeps, for any number of observers, the newest write that each knows of
// every key: tries over the numbers of the keys, which are never changed once
// made and share what is equal. What an observer knows is one number, a root, so
// that what a writer knew can be kept with every write.
type newest struct {
	h      History
	nodes  [][fanout]int32 // node 0 is empty; in leaves 1 + the index of a write, above them nodes
	height uint            // levels above the leaves
}

const (
	fanBits = 4
	fanout  = 1 << fanBits
)

func (n *newest) reset(h History, keys int) {
	n.h, n.height = h, 0
	for keys > 1<<(fanBits*(n.height+1)) {
		n.height++
	}
	n.nodes = append(n.nodes[:0], [fanout]int32{})
}

// of is the newest write of a key that root knows, or -1.
func (n *newest) of(root, key int32) int32 {
	for level := n.height; level > 0; level-- {
		root = n.nodes[root][key>>(fanBits*level)&(fanout-1)]
	}
	return n.nodes[root][key&(fanout-1)] - 1
}

// learn is root, with a write of a key if that is newer.
func (n *newest) learn(root, key, write int32) int32 {
	if old := n.of(root, key); old >= 0 && n.h[old].Call >= n.h[write].Call {
		return root
	}
	return n.set(root, key, write, n.height)
}

func (n *newest) set(node, key, write int32, level uint) int32 {
	changed := n.nodes[node]
	slot := key >> (fanBits * level) & (fanout - 1)
	if level == 0 {
		changed[slot] = write + 1
	} else {
		changed[slot] = n.set(changed[slot], key, write, level-1)
	}
	return n.add(changed)
}

func (n *newest) add(node [fanout]int32) int32 {
	n.nodes = append(n.nodes, node)
	return int32(len(n.nodes) - 1)
}

// merge is what both roots know together.
func (n *newest) merge(a, b int32) int32 { return n.mergeAt(a, b, n.height) }

func (n *newest) mergeAt(a, b int32, level uint) int32 {
	if a == b || b == 0 {
		return a
	}
	if a == 0 {
		return b
	}
	both, isA, isB := n.nodes[a], true, true
	for i := range both {
		x, y := both[i], n.nodes[b][i]
		z := n.newer(x, y, level)
		isA, isB, both[i] = isA && z == x, isB && z == y, z
	}
	switch {
	case isA:
		return a
	case isB:
		return b
	}
	return n.add(both)
}

// newer merges two slots of nodes of a level.
func (n *newest) newer(x, y int32, level uint) int32 {
	switch {
	case level > 0:
		return n.mergeAt(x, y, level-1)
	case y == 0 || x == y || x > 0 && n.h[x-1].Call >= n.h[y-1].Call:
		return x
	}
	return y
}
