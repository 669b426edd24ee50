package node

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/zeebo/xxh3"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// A frame carries many envelopes over a connection between two nodes:
//
//	0  4  length of what follows the header, bytes
//	4  4  low half of the xxh3 hash of that
//	8  n  envelopes: 4 bytes of length, then what msg.AppendEnvelope wrote
//
// The length of each envelope lets a reader skip one that it does not know.
// TCP's own checksum misses one damaged packet in some ten millions (Stone and
// Partridge, "When the CRC and TCP Checksum Disagree", SIGCOMM 2000).
const (
	frameHeader    = 8
	envelopeHeader = 4
	// frameTarget is the size above which a new frame begins. Large values
	// then need not be gathered in one buffer by the reader.
	frameTarget = 256 << 10
)

// frames gathers envelopes in wire form.
type frames struct {
	buf    []byte
	starts []int // of the frames in buf
	count  int   // envelopes
}

// add appends an envelope of at most maxBytes. It reports false, and leaves
// everything as it was, if that is not enough.
func (f *frames) add(e *actors.Envelope, maxBytes int) bool {
	mark, began := len(f.buf), false
	if n := len(f.starts); n == 0 || mark-f.starts[n-1] >= frameTarget {
		f.starts = append(f.starts, mark)
		f.buf = append(f.buf, make([]byte, frameHeader)...)
		began = true
	}
	at := len(f.buf)
	b, err := msg.AppendEnvelope(append(f.buf, 0, 0, 0, 0), e)
	if err != nil {
		panic(fmt.Sprintf("node: an actor sent %v a message that can't travel: %v", e.To, err))
	}
	f.buf = b
	n := len(b) - at - envelopeHeader
	if n > maxBytes {
		f.buf = f.buf[:mark]
		if began {
			f.starts = f.starts[:len(f.starts)-1]
		}
		return false
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(n))
	f.count++
	return true
}

// seal fills in the headers.
func (f *frames) seal() {
	for i, start := range f.starts {
		end := len(f.buf)
		if i+1 < len(f.starts) {
			end = f.starts[i+1]
		}
		body := f.buf[start+frameHeader : end]
		binary.LittleEndian.PutUint32(f.buf[start:], uint32(len(body)))
		binary.LittleEndian.PutUint32(f.buf[start+4:], uint32(xxh3.Hash(body)))
	}
}

// reset empties f and gives back what one large batch has grown.
func (f *frames) reset() {
	if cap(f.buf) > 8<<20 {
		f.buf = nil
	}
	f.buf, f.starts, f.count = f.buf[:0], f.starts[:0], 0
}

// A frame of more than largeFrame is read in pieces.
const (
	largeFrame = 128 << 10
	readPiece  = 512 << 10
)

// readFrame reads one frame's body into fresh memory, which its messages then
// share. Memory is taken as bytes arrive, never on the word of the header. With
// each piece of a large frame part is called.
func readFrame(r io.Reader, maxBytes int, part func()) ([]byte, error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	n, sum := int(binary.LittleEndian.Uint32(h[:])), binary.LittleEndian.Uint32(h[4:])
	if n > maxBytes {
		return nil, fmt.Errorf("node: a frame of %d bytes, allowed are %d", n, maxBytes)
	}
	body := make([]byte, min(n, readPiece))
	for read := 0; ; {
		m, err := io.ReadFull(r, body[read:min(read+readPiece, len(body))])
		read += m
		if err != nil {
			return nil, err
		}
		if n > largeFrame {
			part()
		}
		if read == n {
			break
		}
		if read == len(body) {
			body = append(body, make([]byte, min(n-read, read))...)
		}
	}
	if uint32(xxh3.Hash(body)) != sum {
		return nil, fmt.Errorf("node: a frame of %d bytes arrived damaged", n)
	}
	return body, nil
}

// nextEnvelope splits the first envelope's bytes off a frame's body.
func nextEnvelope(body []byte) (envelope, rest []byte, err error) {
	if len(body) < envelopeHeader {
		return nil, nil, fmt.Errorf("node: a frame ends within an envelope's length")
	}
	n := int(binary.LittleEndian.Uint32(body))
	body = body[envelopeHeader:]
	if n > len(body) {
		return nil, nil, fmt.Errorf("node: an envelope of %d bytes in a frame with %d left", n, len(body))
	}
	return body[:n], body[n:], nil
}
