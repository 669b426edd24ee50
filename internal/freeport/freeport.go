// Package freeport hands out TCP ports on the loopback address to programs that
// start several servers: the harness and the tests.
//
// Asking for port 0 and closing it again does not do: whoever asks next, in this
// process or in one beside it, may get the same port before its server listens.
// Here a process takes a whole block of ports for its lifetime, by listening on
// the block's first one, and hands out the others in turn.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// All blocks lie below the ports that systems take by themselves, for the
// calling end of connections (RFC 6335 has them begin at 49152, Linux at 32768):
// such a port could be taken while its server is down, and keep it from coming
// back.
const (
	first     = 10240
	blockSize = 256
	blocks    = (32768 - first) / blockSize
)

// block is what this process has taken. Its first port is listened on until the
// process ends; next counts from it.
var (
	mu   sync.Mutex
	lock net.Listener
	next int
)

// Take returns the first of n consecutive ports at which nothing listens. No
// other process that uses this package gets them, and this one only after it has
// had all others of its block, 255 in number, which is the most that n can be.
func Take(n int) (int, error) {
	if n < 1 || n >= blockSize {
		return 0, fmt.Errorf("take %d ports: from 1 to %d can be had", n, blockSize-1)
	}
	mu.Lock()
	defer mu.Unlock()
	if err := takeBlock(); err != nil {
		return 0, err
	}
	base := lock.Addr().(*net.TCPAddr).Port
	for run, tried := 0, 0; tried < 2*blockSize; tried++ {
		if next == blockSize {
			next, run = 1, 0 // a run does not go round
		}
		if isFree(base + next) {
			run++
		} else {
			run = 0
		}
		next++
		if run == n {
			return base + next - n, nil
		}
	}
	return 0, fmt.Errorf("take %d ports: the ports %d to %d are in use", n, base+1, base+blockSize-1)
}

func takeBlock() error {
	if lock != nil {
		return nil
	}
	for _, b := range rand.Perm(blocks) {
		if l, err := net.Listen("tcp", Addr(first+b*blockSize)); err == nil {
			lock, next = l, 1
			return nil
		}
	}
	return fmt.Errorf("take a block of ports: all %d blocks from port %d on are taken", blocks, first)
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", Addr(port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// Addr is the loopback address with the port.
func Addr(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
