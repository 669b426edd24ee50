package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// reply is one answer of a node: an error, a status or number, a string or
// null, or an array of those.
type reply struct {
	err   string
	data  []byte
	array []reply
	n     int64
	null  bool
}

// encode writes a request as a RESP array of strings.
func encode(args []string) []byte {
	size := 16
	for _, a := range args {
		size += len(a) + 16
	}
	b := append(make([]byte, 0, size), '*')
	b = append(strconv.AppendInt(b, int64(len(args)), 10), '\r', '\n')
	for _, a := range args {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(a)), 10), '\r', '\n')
		b = append(append(b, a...), '\r', '\n')
	}
	return b
}

var errReply = errors.New("client: the reply is not RESP")

// readReply reads one reply of at most room bytes.
func readReply(r *bufio.Reader, room int) (reply, error) {
	return readOne(r, &room, true)
}

func readOne(r *bufio.Reader, room *int, arrays bool) (reply, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = errReply
		}
		return reply{}, unexpected(err)
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return reply{}, errReply
	}
	head := string(line[1 : len(line)-2])
	switch line[0] {
	case '+':
		return reply{data: []byte(head)}, nil
	case '-':
		return reply{err: head}, nil
	}
	n, err := strconv.ParseInt(head, 10, 64)
	if err != nil {
		return reply{}, errReply
	}
	switch {
	case line[0] == ':':
		return reply{n: n}, nil
	case line[0] == '$' && n == -1:
		return reply{null: true}, nil
	case line[0] == '$' && n >= 0:
		if n > int64(*room) {
			return reply{}, fmt.Errorf("client: a reply of %d bytes, the limit is Options.MaxReply", n)
		}
		*room -= int(n)
		data := make([]byte, n+2)
		if _, err := io.ReadFull(r, data); err != nil {
			return reply{}, unexpected(err)
		}
		if data[n] != '\r' || data[n+1] != '\n' {
			return reply{}, errReply
		}
		return reply{data: data[:n:n]}, nil
	case line[0] == '*' && n >= 0 && arrays:
		var a []reply // grows with what arrives, not with what is announced
		for range n {
			if *room -= 8; *room < 0 {
				return reply{}, errors.New("client: a reply with too many elements, the limit is Options.MaxReply")
			}
			e, err := readOne(r, room, false)
			if err != nil {
				return reply{}, err
			}
			a = append(a, e)
		}
		return reply{array: a}, nil
	}
	return reply{}, errReply
}

// unexpected tells an end inside a reply from one between replies.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
