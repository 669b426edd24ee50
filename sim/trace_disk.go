package sim

import "github.com/zeebo/xxh3"

// diskOp is something that changes what a disk holds, or makes it durable.
type diskOp uint8

const (
	diskCreate   diskOp = iota + 1
	diskWrite           // bytes at an offset
	diskTruncate        // to an offset
	diskRename          // to a name, which counts as the bytes
	diskRemove
	diskSync    // of a file of this size
	diskSyncDir // of the directory
	diskLeft    // what a power loss left of a file
	diskRot     // a byte changed by itself, in some file
	diskOps     // count, keep last
)

var diskOpNames = [diskOps]string{
	diskCreate: "create", diskWrite: "write", diskTruncate: "truncate", diskRename: "rename", diskRemove: "remove",
	diskSync: "sync", diskSyncDir: "sync-dir", diskLeft: "left", diskRot: "rot",
}

// tell reports what was done to a disk. One that belongs to no node, as in
// tests, has nobody to tell.
func (d *Disk) tell(op diskOp, name string, at int64, bytes []byte, failed bool) {
	if d.node != nil {
		d.node.w.trace.disk(d.node, op, name, at, bytes, failed)
	}
}

// disk mixes into the hash what was done to a disk: two runs that send the same
// messages and write different records are not equal.
func (t *trace) disk(n *node, op diskOp, name string, at int64, bytes []byte, failed bool) {
	what := uint64(op)<<56 | uint64(n.idx)<<48 | uint64(len(bytes))
	if failed {
		what |= 1 << 63
	}
	digest := xxh3.Hash(bytes)
	t.sum = mix(mix(t.sum^xxh3.HashString(name), what), digest^uint64(at))
	if !t.record {
		return
	}
	e := TraceEntry{AtNs: n.w.nowNs, What: diskOpNames[op], Node: int(n.id), During: eventNames[t.during], File: name, Offset: at, Bytes: len(bytes)}
	if failed {
		e.What += " fails"
	}
	switch {
	case op == diskRename:
		e.To, e.Bytes = string(bytes), 0
	case len(bytes) > 0:
		e.Digest = hex(digest)
	}
	t.add(e)
}
