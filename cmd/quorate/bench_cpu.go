package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// benchCPU measures the processor time that the nodes of a cluster spend on one
// operation. On a machine that does other work too it says more than operations
// per second: who shares the processor makes those fewer, and this hardly more.
type benchCPU struct {
	Nodes    []int `default:"1,3" help:"Sizes of clusters, 1 to 7 each." placeholder:"N,..."`
	Clients  int   `default:"50" help:"Connections, all to the first node." placeholder:"N"`
	Pipeline int   `default:"16" help:"Commands of one pipeline." placeholder:"N"`
	Ops      int   `default:"200000" help:"Operations of one round." placeholder:"N"`
	Rounds   int   `default:"5" help:"Rounds; the best and the median count." placeholder:"N"`
	JSON     bool  `name:"json" help:"Print one JSON object per line of the table."`
}

const (
	cpuKeys      = 100_000 // random keys, of 16 bytes
	cpuValueSize = 100     // bytes
)

// cpuReport is one line: the processor time of all nodes together.
type cpuReport struct {
	Nodes    int     `json:"nodes"`
	Test     string  `json:"test"`
	Clients  int     `json:"clients"`
	Pipeline int     `json:"pipeline"`
	BestUs   float64 `json:"best_us_per_op"`
	MedianUs float64 `json:"median_us_per_op"`
	UserUs   float64 `json:"user_us_per_op"` // of the best round, as the following
	SystemUs float64 `json:"system_us_per_op"`
	PerSec   float64 `json:"ops_per_second"`
}

// Run measures and prints.
func (b *benchCPU) Run() error {
	const most = 100_000_000
	outside := func(n int) bool { return n < 1 || n > maxNodes }
	if slices.ContainsFunc(b.Nodes, outside) || b.Clients < 1 || b.Clients > maxClients ||
		b.Pipeline < 1 || b.Pipeline > 1000 || b.Ops < b.Clients*b.Pipeline || b.Ops > most || b.Rounds < 1 {
		return &exitError{exitUsage, fmt.Sprintf("--nodes 1 to %d each, --clients 1 to %d, --pipeline 1 to 1000, --ops from one pipeline per client to %d, --rounds 1 and up",
			maxNodes, maxClients, most)}
	}
	if !b.JSON {
		fmt.Printf("processor time of all nodes per operation, -c %d -P %d, best and median of %d rounds\n", b.Clients, b.Pipeline, b.Rounds)
	}
	for _, nodes := range b.Nodes {
		if err := benchCluster(nodes, b.measure); err != nil {
			return err
		}
	}
	return nil
}

func (b *benchCPU) measure(c *cluster) error {
	all := fill{keys: cpuKeys, valueSize: cpuValueSize, dial: dialPatiently}
	if err := all.run(c.members); err != nil {
		return err
	}
	for _, test := range []string{"SET", "GET"} {
		rep := cpuReport{Nodes: len(c.members), Test: test, Clients: b.Clients, Pipeline: b.Pipeline}
		var totals []float64
		for range b.Rounds {
			user, system, took, err := b.round(c, test)
			if err != nil {
				return err
			}
			per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(b.Ops) }
			if total := per(user + system); len(totals) == 0 || total < slices.Min(totals) {
				rep.BestUs, rep.UserUs, rep.SystemUs = total, per(user), per(system)
				rep.PerSec = float64(b.Ops) / took.Seconds()
			}
			totals = append(totals, per(user+system))
		}
		slices.Sort(totals)
		rep.MedianUs = totals[(len(totals)-1)/2]
		if err := b.print(&rep); err != nil {
			return err
		}
	}
	return nil
}

func (b *benchCPU) print(rep *cpuReport) error {
	if b.JSON {
		return json.NewEncoder(os.Stdout).Encode(rep)
	}
	_, err := fmt.Printf("%d nodes   %s   %.2f µs (user %.2f, system %.2f), median %.2f µs, at %.0f/s\n",
		rep.Nodes, rep.Test, rep.BestUs, rep.UserUs, rep.SystemUs, rep.MedianUs, rep.PerSec)
	return err
}

// round carries out b.Ops operations and returns what the nodes spent on them.
func (b *benchCPU) round(c *cluster, test string) (user, system, took time.Duration, err error) {
	user0, system0, err := c.cpuTime()
	if err != nil {
		return 0, 0, 0, err
	}
	began := time.Now()
	if err := b.load(c.members[0].resp, test); err != nil {
		return 0, 0, 0, err
	}
	took = time.Since(began)
	user, system, err = c.cpuTime()
	return user - user0, system - system0, took, err
}

// load has all clients send their share in pipelines.
func (b *benchCPU) load(addr, test string) error {
	errs := make([]error, b.Clients)
	var all sync.WaitGroup
	for i := range b.Clients {
		from, to := b.Ops*i/b.Clients, b.Ops*(i+1)/b.Clients
		all.Go(func() { errs[i] = b.client(addr, test, to-from) })
	}
	all.Wait()
	for _, err := range errs { // mostly they are all the same
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *benchCPU) client(addr, test string, ops int) error {
	conn, err := dialRESP(addr, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.close()
	value := strings.Repeat("x", cpuValueSize)
	var commands []byte
	for ops > 0 {
		n := min(ops, b.Pipeline)
		commands = commands[:0]
		for range n {
			key := fmt.Sprintf("key:%012d", rand.IntN(cpuKeys))
			if test == "GET" {
				commands = appendCommand(commands, "GET", key)
			} else {
				commands = appendCommand(commands, "SET", key, value)
			}
		}
		if err := conn.pipeline(fillBound, commands, n); err != nil {
			return err
		}
		ops -= n
	}
	return nil
}

// cpuTime adds up what the processes of the nodes have used, of proc(5).
func (c *cluster) cpuTime() (user, system time.Duration, err error) {
	for _, m := range c.members {
		u, s, err := processCPU(m.pid())
		if err != nil {
			return 0, 0, err
		}
		user, system = user+u, system+s
	}
	return user, system, nil
}

// clockTick is the unit of times in proc(5): 1/100 s on every platform that Go knows.
const clockTick = 10 * time.Millisecond

func processCPU(pid int) (user, system time.Duration, err error) {
	name := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	const utime, stime = 11, 12 // after the name, which ends with the last parenthesis
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= stime {
		return 0, 0, fmt.Errorf("%s is not as in proc(5): %q", name, text)
	}
	u, errU := strconv.ParseInt(fields[utime], 10, 64)
	s, errS := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(u) * clockTick, time.Duration(s) * clockTick, errors.Join(errU, errS)
}
