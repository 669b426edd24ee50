//go:build unix

package resp

import (
	"errors"
	"io"
	"syscall"
)

// receive reads what the client has sent. While it waits inside no command, the
// connection holds no work: 10,000 idle connections cost their goroutines only.
func (c *conn) receive() (int, error) {
	if c.raw == nil {
		return c.receivePlain()
	}
	if err := c.raw.Read(c.tryRead); err != nil {
		return 0, err
	}
	switch {
	case c.readErr != nil:
		return 0, c.readErr
	case c.readN == 0:
		return 0, io.EOF
	}
	return c.readN, nil
}

// readReady is called by the runtime when the socket may be readable; it
// returns false to be called again.
func (c *conn) readReady(fd uintptr) bool {
	if c.w == nil {
		c.w = borrow()
	}
	w := c.w
	for {
		n, err := syscall.Read(int(fd), w.in[len(w.in):cap(w.in)])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			if len(w.in) == 0 {
				c.releaseWork()
			}
			return false
		}
		c.readN, c.readErr = n, err
		return true
	}
}
