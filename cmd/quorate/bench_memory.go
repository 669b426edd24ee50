package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// benchMemory fills a cluster with small values and measures what that takes,
// and how long a killed node needs until it serves again.
type benchMemory struct {
	Nodes     int  `default:"3" help:"How many nodes, 1 to 7." placeholder:"N"`
	Keys      int  `default:"1000000" help:"How many keys, of 16 bytes each." placeholder:"N"`
	ValueSize int  `default:"100" help:"Bytes of a value." placeholder:"BYTES"`
	JSON      bool `name:"json" help:"Print one JSON object."`
}

type memoryReport struct {
	Keys      int     `json:"keys"`
	ValueSize int     `json:"value_size"`
	FillNs    int64   `json:"fill_ns"`
	RSSBytes  []int64 `json:"rss_bytes"`       // per node, after the fill
	PeakBytes []int64 `json:"peak_bytes"`      // per node, highest ever
	RestartNs int64   `json:"restart_ns"`      // from start to the first read and write
	AfterRSS  int64   `json:"after_rss_bytes"` // of the restarted node
}

// Run fills, measures, kills, restarts and prints.
func (b *benchMemory) Run() error {
	const mostKeys = 100_000_000
	if b.Nodes < 1 || b.Nodes > maxNodes || b.Keys < 1 || b.Keys > mostKeys || b.ValueSize < 1 || b.ValueSize > 1<<20 {
		return &exitError{exitUsage, fmt.Sprintf("--nodes 1 to %d, --keys 1 to %d, --value-size 1 to %d", maxNodes, mostKeys, 1<<20)}
	}
	rep := memoryReport{Keys: b.Keys, ValueSize: b.ValueSize}
	if err := benchCluster(b.Nodes, func(c *cluster) error { return b.measure(c, &rep) }); err != nil {
		return err
	}
	if b.JSON {
		return json.NewEncoder(os.Stdout).Encode(rep)
	}
	fmt.Printf("fill      %d keys of 16 bytes with %d-byte values in %v\n", rep.Keys, rep.ValueSize, round(time.Duration(rep.FillNs)))
	for i, rss := range rep.RSSBytes {
		fmt.Printf("node %d    resident %s, at most %s\n", i+1, humanBytes(rss), humanBytes(rep.PeakBytes[i]))
	}
	fmt.Printf("restart   after kill -9 the last node serves after %v, resident %s\n", round(time.Duration(rep.RestartNs)), humanBytes(rep.AfterRSS))
	return nil
}

func (b *benchMemory) measure(c *cluster, rep *memoryReport) error {
	began := time.Now()
	all := fill{keys: b.Keys, valueSize: b.ValueSize, dial: dialPatiently}
	if err := all.run(c.members); err != nil {
		return err
	}
	rep.FillNs = time.Since(began).Nanoseconds()
	for _, m := range c.members {
		rss, peak, err := residentBytes(m.pid())
		if err != nil {
			return err
		}
		rep.RSSBytes, rep.PeakBytes = append(rep.RSSBytes, rss), append(rep.PeakBytes, peak)
	}
	last := c.members[len(c.members)-1]
	last.kill()
	began = time.Now()
	if err := last.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*healBound)
	defer cancel()
	if err := last.waitReady(ctx); err != nil {
		return err
	}
	rep.RestartNs = time.Since(began).Nanoseconds()
	var err error
	rep.AfterRSS, _, err = residentBytes(last.pid())
	return err
}

// residentBytes reads a process's memory from proc(5): now, and its peak.
func residentBytes(pid int) (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			now = kib << 10
		case "VmHWM":
			peak = kib << 10
		}
	}
	return now, peak, nil
}
