package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	fillBatch   = 200 // commands of one pipeline
	fillWriters = 4
	fillBound   = 30 * time.Second // for one pipeline
)

// fill writes keys of 16 bytes, each once.
type fill struct {
	keys      int
	valueSize int // bytes
	dial      func(addr string) (*respConn, error)
}

// dialPatiently opens a connection to the default bucket.
func dialPatiently(addr string) (*respConn, error) { return dialRESP(addr, time.Second) }

// run writes all from several connections, to the members in turn.
func (f fill) run(members []*member) error {
	errs := make([]error, fillWriters)
	var all sync.WaitGroup
	for w := range fillWriters {
		all.Go(func() {
			errs[w] = f.part(members[w%len(members)].resp, f.keys*w/fillWriters, f.keys*(w+1)/fillWriters)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}

func (f fill) part(addr string, from, to int) error {
	conn, err := f.dial(addr)
	if err != nil {
		return err
	}
	defer conn.close()
	value := strings.Repeat("x", f.valueSize)
	var commands []byte
	for from < to {
		n := min(fillBatch, to-from)
		commands = commands[:0]
		for i := range n {
			commands = appendCommand(commands, "SET", fmt.Sprintf("key:%012d", from+i), value)
		}
		if err := conn.pipeline(fillBound, commands, n); err != nil {
			return err
		}
		from += n
	}
	return nil
}
