package ring

import "slices"

// chooseOwners moves one node of each set to its front, the default owner: the
// first of the walk that owns less than its fair share. Where all of the set
// have theirs already, owners chosen before give way along a shortest chain of
// hand-overs (an augmenting path; Kuhn, "The Hungarian Method", 1955), so the
// spread is as even as the sets allow.
func (pl *placer) chooseOwners(sets []int, partitions int) {
	portions := make([]portion, len(pl.nodes))
	for i, n := range pl.nodes {
		portions[i] = portion{weight: n.Weight, high: pl.loads[i]}
	}
	a := assignment{
		room:  split(partitions, portions),
		sets:  sets,
		width: pl.width,
		owner: make([]int, 0, partitions),
		came:  make([]int, len(pl.nodes)),
	}
	for p := range partitions {
		a.assign(p)
	}
	for p, n := range a.owner {
		set := a.set(p)
		i := slices.Index(set, n)
		copy(set[1:i+1], set[:i])
		set[0] = n
	}
}

// assignment gives each partition one owner out of its set.
type assignment struct {
	room  []int // how many more partitions each node should own
	sets  []int
	width int
	owner []int // by partition, as far as assigned
	came  []int // scratch: the partition that a node would take over, or -1
	queue []int // scratch: nodes reached
}

func (a *assignment) set(p int) []int { return a.sets[p*a.width : (p+1)*a.width] }

// assign finds an owner for p, the next partition, by breadth-first search from
// its set for a node with room.
func (a *assignment) assign(p int) {
	for i := range a.came {
		a.came[i] = -1
	}
	a.queue = a.queue[:0]
	a.owner = append(a.owner, -1)
	a.reach(p)
	for i := 0; i < len(a.queue); i++ {
		n := a.queue[i]
		if a.room[n] > 0 {
			a.room[n]--
			a.handOver(n, p)
			return
		}
		for q, owner := range a.owner {
			if owner == n {
				a.reach(q)
			}
		}
	}
	// No chain ends at a node with room: the sets allow nothing more even.
	a.owner[p] = a.queue[0]
}

// reach queues the nodes of a partition's set that were not reached before.
func (a *assignment) reach(p int) {
	for _, n := range a.set(p) {
		if a.came[n] < 0 {
			a.came[n] = p
			a.queue = append(a.queue, n)
		}
	}
}

// handOver walks the chain back to p: each node takes over the partition that
// it was reached by, from an owner that does the same.
func (a *assignment) handOver(n, p int) {
	for {
		q := a.came[n]
		from := a.owner[q]
		a.owner[q] = n
		if q == p {
			return
		}
		n = from
	}
}
