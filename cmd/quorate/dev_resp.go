package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// respConn is a connection that speaks just enough of the Redis protocol for
// the tools here. Unlike a client library it never sends anything twice and
// never on its own, so after an error it is certain what may have happened.
type respConn struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

// dialRESP connects within the bound.
func dialRESP(addr string, bound time.Duration) (*respConn, error) {
	conn, err := net.DialTimeout("tcp", addr, bound)
	if err != nil {
		return nil, err
	}
	return &respConn{conn: conn, r: bufio.NewReader(conn)}, nil
}

// respReply is one reply. Kind is its first byte: + - : or $.
type respReply struct {
	kind byte
	text string
	num  int64
	null bool
}

// do sends one command and reads its reply. After an error the connection is
// of no more use, and the command may or may not have been carried out.
func (c *respConn) do(bound time.Duration, args ...string) (respReply, error) {
	c.buf = appendCommand(c.buf[:0], args...)
	if err := c.send(bound, c.buf); err != nil {
		return respReply{}, err
	}
	return c.read()
}

// send sends prepared commands, whose replies are to be read within the bound.
func (c *respConn) send(bound time.Duration, commands []byte) error {
	if err := c.conn.SetDeadline(time.Now().Add(bound)); err != nil {
		return err
	}
	_, err := c.conn.Write(commands)
	return err
}

// pipeline sends prepared commands and reads n replies. The first reply that
// is an error is returned as one.
func (c *respConn) pipeline(bound time.Duration, commands []byte, n int) error {
	if err := c.send(bound, commands); err != nil {
		return err
	}
	for range n {
		reply, err := c.read()
		if err != nil {
			return err
		}
		if reply.kind == '-' {
			return fmt.Errorf("the node answered: %s", reply.text)
		}
	}
	return nil
}

func (c *respConn) close() { _ = c.conn.Close() }

func appendCommand(b []byte, args ...string) []byte {
	b = append(strconv.AppendInt(append(b, '*'), int64(len(args)), 10), "\r\n"...)
	for _, a := range args {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(a)), 10), "\r\n"...)
		b = append(append(b, a...), "\r\n"...)
	}
	return b
}

func (c *respConn) read() (respReply, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return respReply{}, err
	}
	if len(line) < 3 {
		return respReply{}, fmt.Errorf("not a reply: %q", line)
	}
	reply := respReply{kind: line[0], text: line[1 : len(line)-2]}
	switch reply.kind {
	case '+', '-':
		return reply, nil
	case ':', '$':
		if reply.num, err = strconv.ParseInt(reply.text, 10, 64); err != nil {
			return respReply{}, fmt.Errorf("not a reply: %q", line)
		}
	default:
		return respReply{}, fmt.Errorf("not a reply that a single command gets: %q", line)
	}
	if reply.kind == ':' {
		return reply, nil
	}
	return c.readBulk(reply)
}

func (c *respConn) readBulk(reply respReply) (respReply, error) {
	const most = 64 << 20
	if reply.num < 0 {
		return respReply{kind: '$', null: true}, nil
	}
	if reply.num > most {
		return respReply{}, fmt.Errorf("a reply of %d bytes; at most %d are expected", reply.num, most)
	}
	body := make([]byte, reply.num+2)
	if _, err := io.ReadFull(c.r, body); err != nil {
		return respReply{}, err
	}
	reply.text = string(body[:reply.num])
	return reply, nil
}
