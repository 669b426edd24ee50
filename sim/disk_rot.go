package sim

import "strings"

// flip is a byte that a disk changed by itself, in data that was durable.
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
		d.tell(diskRot, "", at, []byte{bad}, false)
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

// synced remembers how far the data of a file reached at its latest two syncs.
// What lay before the older one is cold: nothing there is written again, and
// what was written after it tells a log that it was synced.
func (n *inode) synced() {
	end := int64(len(n.durable))
	for end > 0 && n.durable[end-1] == 0 {
		end--
	}
	if end > n.newer {
		n.older, n.newer = n.newer, end
	}
}

// rotCold turns bits of cold data while the disk is in use. As nothing reads
// them again before the next restart, that is when they are found.
func (d *Disk) rotCold(roll *dice, bits int64) {
	if len(d.durable) == 0 {
		return
	}
	e := d.durable[roll.below(int64(len(d.durable)))]
	n, cold := e.node, e.node.older
	if strings.HasSuffix(e.name, ".ckpt") { // complete from the day it got its name
		cold = n.newer
	}
	for range bits {
		if cold == 0 {
			return
		}
		at := roll.below(cold)
		good := n.durable[at]
		bad := good ^ 1<<roll.below(8)
		if good == 0 || bad == 0 || n.data[at] != good || n.dirtyAt(at) {
			continue // never written, or just being written
		}
		d.corrupt(n, at, bad)
		d.coldRots++
	}
}

func (n *inode) dirtyAt(at int64) bool {
	for _, list := range [][]span{n.dirty, n.lost} {
		for _, s := range list {
			if s.from <= at && at < s.to {
				return true
			}
		}
	}
	return false
}

// corrupt changes a durable byte behind the back of whoever wrote it.
func (d *Disk) corrupt(n *inode, at int64, bad byte) {
	d.flips = append(d.flips, flip{n, at, bad, n.durable[at]})
	d.tell(diskRot, "", at, []byte{bad}, false)
	n.durable[at], n.data[at] = bad, bad
}

// stray is a write that will turn out to have landed elsewhere.
type stray struct {
	node *inode
	at   int64
	old  []byte // what was there before it
	data []byte
}

// notice remembers a write that is to be misdirected.
func (d *Disk) notice(n *inode, p []byte, off int64) {
	if d.misdirect == 0 || off > int64(len(n.data)) {
		return
	}
	d.misdirect--
	s := stray{node: n, at: off, old: make([]byte, len(p)), data: append([]byte(nil), p...)}
	copy(s.old, n.data[off:])
	d.stray = append(d.stray, s)
}

// strayed carries out the misdirected writes of a file that was just synced, if
// later ones follow them: they went over an older part of the file, and the
// place they were meant for is as it was. A misdirected write at the very end of
// a log is left out: nobody can tell it from one that never took place, so no
// protocol that trusts its disk survives it.
func (d *Disk) strayed(n *inode) {
	kept := d.stray[:0]
	for _, s := range d.stray {
		end := s.at + int64(len(s.data))
		if s.node != n || n.older < end {
			kept = append(kept, s)
			continue
		}
		to := (s.at - int64(len(s.data))) / sectorBytes * sectorBytes
		for i := range s.data {
			at := s.at + int64(i)
			if n.durable[at] == s.data[i] && n.data[at] == s.data[i] && s.old[i] != s.data[i] {
				d.corrupt(n, at, s.old[i])
			}
			if at := to + int64(i); to > 0 && n.durable[at] == n.data[at] && n.data[at] != s.data[i] {
				d.corrupt(n, at, s.data[i])
			}
		}
		d.strays++
	}
	d.stray = kept
}
