package main

import "golang.org/x/sys/unix"

const canFillDisk = true

// limitFiles makes writes of a process beyond a file's first bytes fail (EFBIG).
// It needs no rights but to the process.
func limitFiles(pid int, bytes uint64) error {
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
		return err
	}
	now.Cur = min(bytes, now.Max) // the hard limit stays
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil)
}
