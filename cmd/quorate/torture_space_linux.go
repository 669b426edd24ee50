package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// enterOwnMounts starts this program again, in its own place, in a mount
// namespace of its own: what it mounts there nobody else sees, and nothing of it
// outlives the run. It returns only if that can't be, and says why.
func enterOwnMounts(args []string) error {
	if os.Geteuid() != 0 {
		return errors.New("only root may mount a file system")
	}
	bin, err := os.Executable()
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() {
		// The namespace belongs to the thread; exec makes the thread the process.
		// It is never unlocked: after a failure it ends with this function.
		runtime.LockOSThread()
		failed <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("make a mount namespace: %w", err)
			}
			if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
				return fmt.Errorf("part from the system's mounts: %w", err)
			}
			return fmt.Errorf("start %s again: %w", bin, syscall.Exec(bin, args, os.Environ()))
		}()
	}()
	return <-failed
}

// mountMemory mounts a file system of a size in memory.
func mountMemory(dir string, bytes int64) error {
	err := unix.Mount("quorate-torture", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, fmt.Sprintf("size=%d,mode=0755", bytes))
	if err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	return nil
}

func unmountMemory(dir string) error {
	if err := unix.Unmount(dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// takeRoom lets a file take up its file system but for some bytes. Others write
// there at the same time.
func takeRoom(f *os.File, leave int64) error {
	for size := int64(0); ; {
		var now unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &now); err != nil {
			return err
		}
		more := int64(now.Bavail)*now.Bsize - leave
		if more <= 0 {
			return nil
		}
		switch err := unix.Fallocate(int(f.Fd()), 0, size, more); {
		case err == nil:
			size += more
		case !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EINTR):
			return err
		}
	}
}
