// Package wal is the log of a node: what is in it survives a crash, what is not does not.
//
// The package is synchronous and single-threaded. It starts no goroutine and takes no lock; a host (a
// journal goroutine, or a simulator) calls it from one place at a time, and all file access goes through
// FS, which a simulator replaces.
//
// # Files
//
//	0000000000000007.wal        segment 7: one header sector, then frames (segment.go, frame.go)
//	0000000000000007.ckpt       checkpoint 7: replaces every segment before 7 (checkpoint.go)
//	*.tmp                       being written when the process ended; removed by Open
//
// Both kinds of file are written aside as *.tmp, synced, renamed, and the directory is synced. A file
// under its real name is therefore complete, but for the frames of the last segment.
//
// # What recovery promises
//
// Open hands over the newest checkpoint, then every record of the segments from it on, in the order in
// which they were appended. The result contains every record for which Sync returned nil, and possibly
// later ones, never one after a gap. It ends in one of two ways:
//
//  1. The last segment ends in a torn write of a batch that was never synced: the log ends before it, and
//     goes on in a new segment.
//  2. Anything else that is not as written is a *CorruptError that names file, offset and remedy.
//
// damage.go tells the two apart. Every frame says up to where the segment was synced when it was written,
// and so do the vouchers in the segment's header, which are written as the segment fills, at a roll and by
// Close; damage before that point is never a torn write. What can't be told apart: if a node is killed, and
// the disk then loses or zeroes the whole end of the last segment, with every frame that would bear
// witness, and the last voucher is older, that looks exactly like a torn write. It reaches back at most to
// the last voucher, Options.PreallocateBytes of log or one sync ago; after a Close it can't happen.
//
// # The contract of fuzzy checkpoints
//
// BeginCheckpoint rolls to a new segment. The checkpoint must hold the effect of every record appended
// before, and may hold effects of later ones as well: the log goes on while the checkpoint is written.
// After a restart such a later record is replayed onto a state which already contains it. So records must
// be idempotent, and replaying a run of consecutive records onto a state that already reflects any of them
// must end in the state after the last one. Records that carry a version and apply only if it is higher,
// as a replica's do, have this property; "add one" does not. Commit syncs the log before it publishes the
// checkpoint, so a checkpoint never shows what the log can still lose.
//
// # Errors
//
// After a failed write or sync the state of the file is unknown, and a second fsync may report success
// for data which the kernel has dropped (Rebello et al., "Can Applications Recover from fsync Failures?",
// ATC 2020). So the first such error poisons the log: every later call returns it, and the node must stop.
package wal
