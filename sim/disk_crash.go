package sim

import "slices"

// sectorBytes is what a disk writes in one go.
const sectorBytes = 512

// kill ends the process that used the disk. The operating system lives on, so
// everything written stays.
func (d *Disk) kill() {
	d.life++
	d.stray = d.stray[:0]
}

// powerLoss ends the machine. Of what was not durable, the dice choose what
// reached the platter:
//
//   - of the changes of the directory, a prefix;
//   - of each file, one of: nothing, everything, a prefix that may end within a
//     sector, or any set of sectors (a disk may reorder what no fsync orders).
func (d *Disk) powerLoss(roll *dice) {
	d.kill()
	keep := int(roll.below(int64(len(d.pending) + 1)))
	for _, c := range d.pending[:keep] {
		d.durable = c.apply(d.durable)
	}
	d.pending = d.pending[:0]
	d.entries = slices.Clone(d.durable)
	for _, e := range d.entries {
		e.node.powerLoss(d, roll)
		d.tell(diskLeft, e.name, 0, e.node.data, false)
	}
}

func (n *inode) powerLoss(d *Disk, roll *dice) {
	if len(n.dirty) == 0 && len(n.lost) == 0 {
		return
	}
	oldSize := len(n.durable)
	spans := normalized(n.dirty)
	switch roll.below(4) {
	case 0: // nothing
	case 1: // everything
		n.flush(spans)
	case 2:
		n.flushPrefix(spans, d, roll)
	case 3:
		n.flushSome(spans, roll)
	}
	d.lostBytes += uint64(max(len(n.data)-len(n.durable), 0))
	if len(n.durable) < oldSize && roll.below(2) == 0 { // a cut that was not synced need not last
		n.durable = n.durable[:oldSize]
	}
	n.data = append(n.data[:0], n.durable...)
	n.dirty, n.lost = n.dirty[:0], n.lost[:0]
}

// flushPrefix writes the dirty bytes, by position, up to a random one.
func (n *inode) flushPrefix(spans []span, d *Disk, roll *dice) {
	total := int64(0)
	for _, s := range spans {
		total += s.to - s.from
	}
	left := roll.below(total + 1)
	var kept []span
	end := int64(0)
	for _, s := range spans {
		take := min(left, s.to-s.from)
		if take > 0 {
			kept = append(kept, span{s.from, s.from + take})
			end = max(end, s.from+take)
		}
		left -= take
	}
	if end%sectorBytes != 0 {
		d.tornSectors++
	}
	n.flushUpTo(kept, end, roll)
}

// flushSome writes a random set of the dirty sectors.
func (n *inode) flushSome(spans []span, roll *dice) {
	var kept []span
	end := int64(0)
	for _, s := range spans {
		for from := s.from; from < s.to; {
			to := min((from/sectorBytes+1)*sectorBytes, s.to)
			if roll.below(2) == 0 {
				kept = append(kept, span{from, to})
				end = max(end, to)
			}
			from = to
		}
	}
	n.flushUpTo(kept, end, roll)
}

// flushUpTo is flush for a file whose new size may have reached the disk only
// as far as data did. Where the size did and data did not, there are zeros.
func (n *inode) flushUpTo(spans []span, end int64, roll *dice) {
	if roll.below(2) == 0 {
		n.flush(spans)
		return
	}
	whole := n.data
	size := min(max(end, int64(len(n.durable))), int64(len(n.data)))
	n.data = n.data[:size]
	n.flush(spans)
	n.data = whole
}

// normalized sorts spans and joins those that touch.
func normalized(spans []span) []span {
	spans = slices.Clone(spans)
	// order: equal spans are equal in every field
	slices.SortFunc(spans, func(a, b span) int {
		if a.from != b.from {
			return int(a.from - b.from)
		}
		return int(a.to - b.to)
	})
	out := spans[:0]
	for _, s := range spans {
		if k := len(out); k > 0 && s.from <= out[k-1].to {
			out[k-1].to = max(out[k-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}
