//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

const canPause = true

// pause stops the process as a long garbage collection or a suspended virtual
// machine would: it keeps its sockets and does nothing.
func (c *child) pause() { c.signal(syscall.SIGSTOP) }

// limitsAreErrors makes a write beyond the limit of file sizes fail like any
// other on a full disk, and not end the process before it can say why.
func limitsAreErrors() { signal.Ignore(syscall.SIGXFSZ) }

// resume ends a pause.
func (c *child) resume() { c.signal(syscall.SIGCONT) }
