//go:build unix

package main

import "syscall"

const canPause = true

// pause stops the process as a long garbage collection or a suspended virtual
// machine would: it keeps its sockets and does nothing.
func (c *child) pause() { c.signal(syscall.SIGSTOP) }

// resume ends a pause.
func (c *child) resume() { c.signal(syscall.SIGCONT) }
