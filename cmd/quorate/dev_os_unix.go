//go:build unix

package main

import (
	"os/signal"
	"syscall"
	"time"
)

const canPause = true

// pause stops the process as a long garbage collection or a suspended virtual
// machine would: it keeps its sockets and does nothing. The signal is only on its
// way when it has been sent: a busy process may answer some more requests.
func (c *child) pause() {
	c.signal(syscall.SIGSTOP)
	for until := time.Now().Add(pauseBound); !c.standsStill() && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}

// pauseBound is how long to wait for a process to stand still.
const pauseBound = 2 * time.Second

// limitsAreErrors makes a write beyond the limit of file sizes fail like any
// other on a full disk, and not end the process before it can say why.
func limitsAreErrors() { signal.Ignore(syscall.SIGXFSZ) }

// resume ends a pause.
func (c *child) resume() { c.signal(syscall.SIGCONT) }
