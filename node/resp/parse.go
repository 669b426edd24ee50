package resp

import (
	"bytes"
	"fmt"
)

// Limits of the protocol itself; those of keys and values are door.Limits.
const (
	maxArgs       = 1 << 17  // of one command
	maxInline     = 64 << 10 // bytes of an inline command, as in Redis
	maxLengthLine = 32       // bytes of "*3\r\n" or "$5\r\n"
)

// protocolError ends a connection: what follows cannot be framed.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// span is a stretch of the read buffer, relative to the start of the command.
type span struct{ from, to int }

// parser frames one command at a time. It keeps its place between calls, so a
// command that arrives byte by byte costs no more than one that arrives at once,
// and it never allocates for a length that was only announced.
//
// redcon's own reader is not used. One packet "*1\r\n$9223372036854775800\r\n"
// makes it index out of range, which ends the process; "*3000000000\r\n" spins
// for seconds; a command in small pieces recurses once per piece; and a command
// is parsed again from its start at each read.
type parser struct {
	maxBytes int
	args     []span
	left     int // arguments still to come; 0: the header is not read yet
	at       int // next byte to look at
	bulk     int // length of the argument at `at`, -1 when its line is not read yet
}

// reset forgets the command at hand, not the buffers.
func (p *parser) reset() { p.args, p.left, p.at, p.bulk = p.args[:0], 0, 0, -1 }

// next looks for a command at the start of buf. It returns the number of bytes
// that the command takes, or 0 when more must be read first; then it must be
// called with the same bytes and more. An empty command (no p.args) is to be
// skipped.
func (p *parser) next(buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	if buf[0] != '*' {
		return p.inline(buf)
	}
	if p.left == 0 {
		n, ok, err := p.length(buf, "multibulk")
		if err != nil || !ok {
			return 0, err
		}
		if n <= 0 { // "*0" and "*-1" are nothing, as in Redis
			return p.at, nil
		}
		if n > maxArgs {
			return 0, protocolError(fmt.Sprintf("invalid multibulk length %d, at most %d arguments are allowed", n, maxArgs))
		}
		p.left, p.bulk = n, -1
	}
	for p.left > 0 {
		if p.bulk < 0 {
			if p.at == len(buf) {
				return 0, nil
			}
			if buf[p.at] != '$' {
				return 0, protocolError(fmt.Sprintf("expected '$', got '%s'", printable(buf[p.at])))
			}
			n, ok, err := p.length(buf, "bulk")
			if err != nil || !ok {
				return 0, err
			}
			if n < 0 {
				return 0, protocolError("invalid bulk length")
			}
			if n > p.maxBytes-p.at {
				return 0, protocolError(fmt.Sprintf("invalid bulk length %d, a command has at most %d bytes", n, p.maxBytes))
			}
			p.bulk = n
		}
		end := p.at + p.bulk
		if len(buf) < end+2 {
			return 0, nil
		}
		if buf[end] != '\r' || buf[end+1] != '\n' {
			return 0, protocolError("an argument is longer than its bulk length")
		}
		p.args = append(p.args, span{p.at, end})
		p.at, p.bulk = end+2, -1
		p.left--
	}
	return p.at, nil
}

// length reads the decimal line that starts with a type byte at p.at, and
// moves past it. ok is false while the line is incomplete.
func (p *parser) length(buf []byte, what string) (n int, ok bool, err error) {
	line := buf[p.at:min(len(buf), p.at+maxLengthLine)]
	i := bytes.IndexByte(line, '\n')
	if i < 0 {
		if len(line) == maxLengthLine {
			return 0, false, protocolError("too big " + what + " count string")
		}
		return 0, false, nil
	}
	if line[i-1] != '\r' {
		return 0, false, protocolError("invalid " + what + " length")
	}
	v, valid := parseInt(line[1 : i-1])
	if !valid || v > 1<<31 {
		return 0, false, protocolError("invalid " + what + " length")
	}
	p.at += i + 1
	return int(max(v, -1)), true, nil
}

// inline takes a line of words, as typed into telnet. Quotes work as in Redis;
// the words are unescaped in place.
func (p *parser) inline(buf []byte) (int, error) {
	i := bytes.IndexByte(buf[p.at:min(len(buf), maxInline)], '\n')
	if i < 0 {
		p.at = len(buf)
		if len(buf) >= maxInline {
			return 0, protocolError("too big inline request")
		}
		return 0, nil
	}
	end := p.at + i
	n := end + 1
	if end > 0 && buf[end-1] == '\r' {
		end--
	}
	for at := 0; ; {
		for at < end && space(buf[at]) {
			at++
		}
		if at == end {
			return n, nil
		}
		arg, next, ok := unquote(buf, at, end)
		if !ok || len(p.args) == maxArgs {
			return 0, protocolError("unbalanced quotes in request")
		}
		p.args = append(p.args, arg)
		at = next
	}
}

// unquote reads one word of buf[at:end], writing its value over it.
func unquote(buf []byte, at, end int) (arg span, next int, ok bool) {
	out := at
	from := at
	for at < end && !space(buf[at]) {
		q := buf[at]
		if q != '"' && q != '\'' {
			buf[out] = q
			out, at = out+1, at+1
			continue
		}
		for at++; ; at++ {
			if at >= end {
				return span{}, 0, false
			}
			if buf[at] == q {
				at++
				break
			}
			b := buf[at]
			if b == '\\' && at+1 < end {
				var taken int
				b, taken = escape(buf[at+1:end], q)
				at += taken
			}
			buf[out] = b
			out++
		}
		if at < end && !space(buf[at]) {
			return span{}, 0, false
		}
	}
	return span{from, out}, at, true
}

// escape reads what follows a backslash inside quotes q: the byte it stands
// for and how many bytes it took. Single quotes know only \'.
func escape(b []byte, q byte) (byte, int) {
	if q == '\'' {
		if b[0] == '\'' {
			return '\'', 1
		}
		return '\\', 0
	}
	switch b[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	case 'x':
		if len(b) >= 3 {
			hi, ok1 := unhex(b[1])
			lo, ok2 := unhex(b[2])
			if ok1 && ok2 {
				return hi<<4 | lo, 3
			}
		}
	}
	return b[0], 1
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func printable(c byte) string {
	if c < ' ' || c > '~' {
		return fmt.Sprintf("\\x%02x", c)
	}
	return string(rune(c))
}

// parseInt reads a decimal 64-bit integer as strictly as Redis does: no plus
// sign, no leading zeros, no spaces, no "-0".
func parseInt(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	d := b
	if neg {
		d = b[1:]
	}
	if len(d) == 0 || len(d) > 19 || d[0] == '0' && (len(d) > 1 || neg) {
		return 0, false
	}
	var u uint64 // 19 digits fit
	for _, c := range d {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	if neg {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}
