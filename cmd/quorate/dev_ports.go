package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/quoratedb/quorate/internal/freeport"
)

// endpoints is where one node listens, host:port each.
type endpoints struct{ http, resp, peer string }

// all lists the addresses with what they are for, in a fixed order.
func (e endpoints) all() [3]struct{ purpose, addr string } {
	return [3]struct{ purpose, addr string }{{"http", e.http}, {"resp", e.resp}, {"peer", e.peer}}
}

const loopback = "127.0.0.1"

// consecutivePorts gives node i (from 0) each base port + i. The error names
// what is wrong with the flags.
func consecutivePorts(nodes, httpBase, respBase, peerBase int) ([]endpoints, error) {
	bases := []struct {
		flag string
		base int
	}{{"--http-port", httpBase}, {"--resp-port", respBase}, {"--peer-port", peerBase}}
	for i, b := range bases {
		if b.base < 1 || b.base+nodes-1 > 65535 {
			return nil, fmt.Errorf("%s: %d is out of range: %d nodes need ports %d to %d, and the last port is 65535",
				b.flag, b.base, nodes, b.base, b.base+nodes-1)
		}
		for _, other := range bases[:i] {
			if b.base < other.base+nodes && other.base < b.base+nodes {
				return nil, fmt.Errorf("%s %d overlaps with %s %d: each is the first of %d consecutive ports",
					b.flag, b.base, other.flag, other.base, nodes)
			}
		}
	}
	eps := make([]endpoints, nodes)
	for i := range eps {
		eps[i] = endpoints{http: hostPort(httpBase + i), resp: hostPort(respBase + i), peer: hostPort(peerBase + i)}
	}
	return eps, nil
}

// freePorts picks ports for that many nodes which nobody else will be given.
func freePorts(nodes int) ([]endpoints, error) {
	base, err := freeport.Take(3 * nodes)
	if err != nil {
		return nil, err
	}
	return consecutivePorts(nodes, base, base+nodes, base+2*nodes)
}

// checkPorts finds out before anything is started whether all ports are free.
func checkPorts(eps []endpoints) error {
	for i, e := range eps {
		for _, a := range e.all() {
			l, err := net.Listen("tcp", a.addr)
			if err != nil {
				return fmt.Errorf("node %d cannot listen on its %s port, %s: %w (another cluster may be running; choose other ports with --http-port, --resp-port and --peer-port)",
					i+1, a.purpose, a.addr, err)
			}
			_ = l.Close()
		}
	}
	return nil
}

func hostPort(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
