package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// steeredClock is how wrong a node's wall clock is, which a harness may change
// while the node runs, by lines on its standard input: "clock-offset -1m30s". It
// is for tests, and there only if a hidden flag asks for it.
type steeredClock struct{ offsetNs atomic.Int64 }

// maxClockOffset bounds an offset, either way.
const maxClockOffset = 10 * 365 * 24 * time.Hour

const clockCommand = "clock-offset"

// offset is the offset now.
func (c *steeredClock) offset() time.Duration { return time.Duration(c.offsetNs.Load()) }

// set changes the offset. It is an error to go too far.
func (c *steeredClock) set(d time.Duration) error {
	if d < -maxClockOffset || d > maxClockOffset {
		return fmt.Errorf("a clock offset of %v is out of range: use -%v to %v", d, maxClockOffset, maxClockOffset)
	}
	c.offsetNs.Store(int64(d))
	return nil
}

// obey carries out one line.
func (c *steeredClock) obey(line string) error {
	word, value, _ := strings.Cut(line, " ")
	if word != clockCommand {
		return fmt.Errorf("unknown line %q: use %s and a duration", line, clockCommand)
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return fmt.Errorf("%s: %w", clockCommand, err)
	}
	return c.set(d)
}

// follow obeys every line up to the end of the input. Lines that can't be
// carried out change nothing.
func (c *steeredClock) follow(in io.Reader) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := c.obey(lines.Text()); err != nil {
			slog.Warn("standard input", "err", err)
		}
	}
	if err := lines.Err(); err != nil && err != bufio.ErrTooLong {
		return err
	}
	_, err := io.Copy(io.Discard, in) // its end still means what it means
	return err
}
