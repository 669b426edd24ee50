package sim

// flip is a bit that a disk turned by itself, in data that was durable.
type flip struct {
	node *inode
	at   int64
	bad  byte
	good byte
}

// rot turns a few bits of what is durable, in one file. A byte never becomes
// zero: a log can't tell zeros at its very end from a write that was torn
// (package wal, "What recovery promises"). The disk must not be in use.
func (d *Disk) rot(roll *dice, bits int64) {
	if len(d.entries) == 0 {
		return
	}
	n := d.entries[roll.below(int64(len(d.entries)))].node
	for range bits {
		if len(n.data) == 0 {
			return
		}
		at := roll.below(int64(len(n.data)))
		bad := n.data[at] ^ 1<<roll.below(8)
		if bad == 0 {
			continue
		}
		d.flips = append(d.flips, flip{n, at, bad, n.data[at]})
		n.data[at] = bad
		if at < int64(len(n.durable)) {
			n.durable[at] = bad
		}
	}
}

// repair turns the bits back, as an operator does who restores a copy of the
// log that was made before they rotted.
func (d *Disk) repair() {
	for i := len(d.flips) - 1; i >= 0; i-- {
		f := &d.flips[i]
		if f.at < int64(len(f.node.data)) && f.node.data[f.at] == f.bad {
			f.node.data[f.at] = f.good
		}
		if f.at < int64(len(f.node.durable)) && f.node.durable[f.at] == f.bad {
			f.node.durable[f.at] = f.good
		}
	}
	d.flips = d.flips[:0]
}
