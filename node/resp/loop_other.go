//go:build !linux

package resp

import "net"

// loop is there on Linux only: elsewhere each connection has a goroutine.
type loop struct{}

func (*loop) stop() {}

// client makes the driver of a connection.
func (s *Server) client(c *conn, nc net.Conn) client { return &stream{conn: c, nc: nc} }
