package main

import "syscall"

func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// canPause: this system cannot suspend a process.
const canPause = false

func (c *child) pause() {}

func (c *child) resume() {}

// limitsAreErrors: they are.
func limitsAreErrors() {}
