//go:build !unix

package resp

// receive reads what the client has sent.
func (c *conn) receive() (int, error) { return c.receivePlain() }

func (c *conn) readReady(uintptr) bool { return true }
