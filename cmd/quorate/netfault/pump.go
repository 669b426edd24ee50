package netfault

import (
	"math/rand/v2"
	"net"
	"time"
)

// The directions of a connection.
const (
	outward = iota
	backward
)

// A pump holds at most maxChunks of chunkBytes on the way; then whoever sends
// has to wait, as for a socket buffer that is full.
const (
	chunkBytes = 32 << 10
	maxChunks  = 64
)

// chunk is what one read brought.
type chunk struct {
	bytes []byte
	came  time.Time
}

// pump carries one direction of a connection.
type pump struct {
	conn     *conn
	dir      int
	src, dst net.Conn
	rng      *rand.Rand
	chunks   chan chunk
	lastDue  time.Time // nothing overtakes
	lossy    bool      // something was swallowed, so nothing may follow
}

func newPump(c *conn, dir int) *pump {
	p := &pump{conn: c, dir: dir, src: c.dialer, dst: c.target, chunks: make(chan chunk, maxChunks),
		rng: rand.New(rand.NewPCG(c.link.seed, c.number<<1|uint64(dir)))}
	if dir == backward {
		p.src, p.dst = p.dst, p.src
	}
	return p
}

// conditions picks the pump's direction.
func (p *pump) conditions(s *State) *Conditions {
	if p.dir == outward {
		return &s.Out
	}
	return &s.Back
}

// run passes everything on until one side ends; the end passes like the rest.
func (p *pump) run() {
	p.conn.link.all.Go(p.read)
	for c := range p.chunks {
		if !p.deliver(c) {
			p.conn.close(abruptly)
			return
		}
	}
	p.conn.await(func(s *State) bool { return !p.conditions(s).cut() })
	p.conn.close(p.lossy)
}

func (p *pump) read() {
	defer close(p.chunks)
	buf := make([]byte, chunkBytes)
	for {
		n, err := p.src.Read(buf)
		if n > 0 {
			select {
			case p.chunks <- chunk{append([]byte(nil), buf[:n]...), time.Now()}:
			case <-p.conn.gone:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// deliver lets a chunk go its way. It reports false if the connection is over.
func (p *pump) deliver(c chunk) bool {
	const million = 1_000_000
	jitter, stall, reset := p.rng.Float64(), p.rng.IntN(million), p.rng.IntN(million)
	link, harmed := p.conn.link, false
	for {
		s, changed := link.look()
		now := p.conditions(&s)
		due := c.came.Add(now.Delay + time.Duration(jitter*float64(now.Jitter)))
		if stall < now.StallPPM {
			due = due.Add(now.Stall)
		}
		if due.Before(p.lastDue) {
			due = p.lastDue
		}
		wait := time.Until(due)
		if !harmed && (now.cut() || wait > 0 || reset < now.ResetPPM) {
			harmed = true
			link.harmed.Add(1)
		}
		switch {
		case now.Swallowed:
			p.lossy = true
			return true
		case !now.Held && (p.lossy || reset < now.ResetPPM):
			return false
		case !now.Held && wait <= 0:
			p.lastDue = due
			_, err := p.dst.Write(c.bytes)
			return err == nil
		}
		if !p.rest(wait, now.Held, changed) {
			return false
		}
	}
}

// rest waits for the time, unless that alone is no reason to go on, and for a
// change of state. It reports false if the connection ended.
func (p *pump) rest(wait time.Duration, held bool, changed <-chan struct{}) bool {
	var alarm <-chan time.Time
	if !held {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-alarm:
	case <-changed:
	case <-p.conn.gone:
		return false
	}
	return true
}
