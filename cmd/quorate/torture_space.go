package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// smallDisk is a file system of its own for the data of one node, so small that
// the harness can fill it. What it holds is in memory: the other nodes' syncs
// remain real ones.
type smallDisk struct {
	node int // whose data it holds, from 1
	dir  string
	turn bool // the last disk to be full was this one
}

// next says whether this disk is to be the next full one: every other time, so
// that a short run has both kinds.
func (s *smallDisk) next() bool {
	s.turn = !s.turn
	return s.turn
}

// smallDiskBytes is room for many times what a node keeps in a run.
const smallDiskBytes = 64 << 20

// newSmallDisk mounts the disk where the node's data will be. It works only in
// the program's own mount namespace (see enterOwnMounts), so that the kernel
// unmounts it when the last process of the run is gone, whatever became of them.
func newSmallDisk(dir string, node int) (*smallDisk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &smallDisk{node: node, dir: filepath.Join(dir, fmt.Sprintf("n%d", node))}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, err
	}
	return s, mountMemory(s.dir, smallDiskBytes)
}

// ballast is the file that takes the room away.
func (s *smallDisk) ballast() string { return filepath.Join(s.dir, "ballast") }

// fill leaves at most so many bytes free, in steps of pages.
func (s *smallDisk) fill(leave int64) error {
	f, err := os.OpenFile(s.ballast(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return takeRoom(f, leave)
}

// empty gives the room back.
func (s *smallDisk) empty() error { return os.Remove(s.ballast()) }

// close unmounts the disk, whose node has stopped, and leaves the node's data on
// the disk below.
func (s *smallDisk) close() error {
	kept := s.dir + ".kept"
	err := copyTree(kept, s.dir)
	if unmountErr := unmountMemory(s.dir); unmountErr != nil {
		return unmountErr
	}
	if err != nil {
		return fmt.Errorf("keep the data of node %d: %w", s.node, err)
	}
	if err := os.Remove(s.dir); err != nil {
		return err
	}
	return os.Rename(kept, s.dir)
}

// copyTree copies plain files and directories.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, below)
		if d.IsDir() {
			return os.MkdirAll(target, info.Mode().Perm())
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, info.Mode().Perm())
	})
}
