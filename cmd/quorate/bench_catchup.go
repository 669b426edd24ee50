package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// benchCatchup measures how a node that was away comes level: what moves, how
// fast, and by which way. Three nodes hold every key; the third misses all writes.
type benchCatchup struct {
	Keys        int           `default:"1000000" help:"Keys written while the node is away, of 16 bytes each." placeholder:"N"`
	ValueSize   int           `default:"100" help:"Bytes of a value." placeholder:"BYTES"`
	W           string        `default:"quorum" help:"Acknowledgements that each write waits for." placeholder:"W"`
	Bound       time.Duration `default:"10m" help:"How long coming level may take." placeholder:"DURATION"`
	Rest        time.Duration `default:"0s" help:"Then how long to measure the processor time of nodes at rest." placeholder:"DURATION"`
	RepairEvery string        `default:"10s" help:"The nodes' eventual.repair_every." placeholder:"DURATION"`
	HintBytes   int64         `help:"The nodes' eventual.hint_bytes; 1 leaves nearly all to the trees." placeholder:"BYTES"`
	JSON        bool          `name:"json" help:"Print one JSON object."`
}

const catchupBucket = "catchup"

type catchupReport struct {
	Keys        int   `json:"keys"`
	ValueSize   int   `json:"value_size"`
	FillNs      int64 `json:"fill_ns"`
	LackedBytes int64 `json:"lacked_bytes"` // keys and values alone
	// From the start of the process: until it serves, has all keys, and all nodes
	// know that they are equal.
	ServesNs      int64   `json:"serves_ns"`
	HasAllNs      int64   `json:"has_all_ns"`
	LevelNs       int64   `json:"level_ns"`
	ReceivedBytes int64   `json:"received_bytes"` // by the node from peers, until level
	SentBytes     int64   `json:"sent_bytes"`     // by it to them
	MovedOver     float64 `json:"moved_over_lacked"`
	HintKeys      int64   `json:"hint_keys"`      // delivered to it as hints
	TreeKeys      int64   `json:"tree_keys"`      // moved by sessions, either way
	RestCPU       float64 `json:"rest_cpu_cores"` // per node, mean
	RestNs        int64   `json:"rest_ns"`
}

// Run fills, measures and prints.
func (b *benchCatchup) Run() error {
	const mostKeys = 100_000_000
	if b.Keys < 1 || b.Keys > mostKeys || b.ValueSize < 1 || b.ValueSize > 1<<20 || b.Bound <= 0 || b.Rest < 0 {
		return &exitError{exitUsage, fmt.Sprintf("--keys 1 to %d, --value-size 1 to %d, --bound above 0, --rest 0 and up", mostKeys, 1<<20)}
	}
	const keySize = 16
	rep := catchupReport{Keys: b.Keys, ValueSize: b.ValueSize, LackedBytes: int64(b.Keys) * int64(keySize+b.ValueSize)}
	flags := []string{"--eventual.repair_every", b.RepairEvery}
	if b.HintBytes != 0 {
		flags = append(flags, "--eventual.hint_bytes", strconv.FormatInt(b.HintBytes, 10))
	}
	if err := benchClusterWith(3, flags, func(c *cluster) error { return b.measure(c, &rep) }); err != nil {
		return err
	}
	if b.JSON {
		return json.NewEncoder(os.Stdout).Encode(rep)
	}
	d := func(ns int64) time.Duration { return round(time.Duration(ns)) }
	fmt.Printf("fill      %d keys of 16 bytes with %d-byte values in %v, with node 3 away\n", rep.Keys, rep.ValueSize, d(rep.FillNs))
	fmt.Printf("return    serves after %v, has all keys after %v, known to be level after %v\n", d(rep.ServesNs), d(rep.HasAllNs), d(rep.LevelNs))
	fmt.Printf("moved     %s to it and %s from it: %.3f times the %s of keys and values that it lacked\n",
		humanBytes(rep.ReceivedBytes), humanBytes(rep.SentBytes), rep.MovedOver, humanBytes(rep.LackedBytes))
	fmt.Printf("by        hints %d keys, trees %d keys\n", rep.HintKeys, rep.TreeKeys)
	if rep.RestNs > 0 {
		fmt.Printf("rest      %.2f %% of a core per node over %v\n", 100*rep.RestCPU, d(rep.RestNs))
	}
	return nil
}

func (b *benchCatchup) measure(c *cluster, rep *catchupReport) error {
	if err := b.create(c); err != nil {
		return err
	}
	away, others := c.members[2], c.members[:2]
	away.kill()
	began := time.Now()
	all := fill{keys: b.Keys, valueSize: b.ValueSize, dial: b.dial}
	if err := all.run(others); err != nil {
		return err
	}
	rep.FillNs = time.Since(began).Nanoseconds()
	began = time.Now()
	if err := away.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.Bound)
	defer cancel()
	if err := away.waitReady(ctx); err != nil {
		return err
	}
	rep.ServesNs = time.Since(began).Nanoseconds()
	if err := b.watch(ctx, c, began, rep); err != nil {
		return err
	}
	if b.Rest == 0 {
		return nil
	}
	return b.rest(c, rep)
}

func (b *benchCatchup) create(c *cluster) error {
	body, err := json.Marshal(map[string]any{"name": catchupBucket, "mode": "eventual", "n": 3, "r": 1, "w": numberOr(b.W), "policy": "lww"})
	if err != nil {
		return err
	}
	resp, err := http.Post("http://"+c.members[0].http+bucketsPath, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		return fmt.Errorf("the bucket was not made: %s %s", resp.Status, text)
	}
	deadline := time.Now().Add(healBound)
	for _, m := range c.members {
		for {
			conn, err := b.dial(m.resp)
			if err == nil {
				conn.close()
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("node %d does not have the bucket: %w", m.id, err)
			}
			time.Sleep(25 * time.Millisecond)
		}
	}
	return nil
}

// dial opens a connection that uses the bucket.
func (b *benchCatchup) dial(addr string) (*respConn, error) {
	conn, err := dialRESP(addr, time.Second)
	if err != nil {
		return nil, err
	}
	if err := conn.pipeline(fillBound, appendCommand(nil, "SELECT", catchupBucket), 1); err != nil {
		conn.close()
		return nil, err
	}
	return conn, nil
}

// catchupPoll is how often the nodes are asked how far they are.
const catchupPoll = 250 * time.Millisecond

// watch waits until the node is level, and fills in what that took.
func (b *benchCatchup) watch(ctx context.Context, c *cluster, began time.Time, rep *catchupReport) error {
	back := c.members[2]
	for ctx.Err() == nil {
		at := make([]map[string]float64, len(c.members))
		for i, m := range c.members {
			var err error
			if at[i], err = metricsOf(ctx, m.http); err != nil {
				return err
			}
		}
		now := time.Since(began).Nanoseconds()
		if rep.HasAllNs == 0 && at[back.id-1]["quorate_eventual_keys"] >= float64(b.Keys) {
			rep.HasAllNs = now
		}
		if rep.HasAllNs != 0 && rep.LevelNs == 0 {
			rep.ReceivedBytes = int64(at[back.id-1]["quorate_received_bytes_total"])
			rep.SentBytes = int64(at[back.id-1]["quorate_peer_sent_bytes_total"])
			rep.MovedOver = float64(rep.ReceivedBytes+rep.SentBytes) / float64(rep.LackedBytes)
			rep.HintKeys, rep.TreeKeys = 0, 0
			level := true
			for i := range at {
				rep.HintKeys += int64(at[i]["quorate_hints_delivered_total"])
				rep.TreeKeys += int64(at[i]["quorate_repair_keys_total"])
				level = level && at[i]["quorate_hints_pending"] == 0 &&
					at[i]["quorate_repair_pairs"] > 0 && at[i]["quorate_repair_pairs_level"] == at[i]["quorate_repair_pairs"]
			}
			if level {
				rep.LevelNs = now
				return nil
			}
		}
		time.Sleep(catchupPoll)
	}
	return fmt.Errorf("node %d is not level after %v", back.id, b.Bound)
}

// rest measures the processor time of nodes that nobody uses.
func (b *benchCatchup) rest(c *cluster, rep *catchupReport) error {
	user, system, err := c.cpuTime()
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(b.Rest)
	user1, system1, err := c.cpuTime()
	rep.RestNs = time.Since(began).Nanoseconds()
	rep.RestCPU = float64((user1 - user + system1 - system).Nanoseconds()) / float64(rep.RestNs) / float64(len(c.members))
	return err
}

// metricsOf reads a node's metrics, each summed over its labels.
func metricsOf(ctx context.Context, addr string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	sums := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		name, _, _ := strings.Cut(line[:at], "{")
		v, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err == nil {
			sums[name] += v
		}
	}
	return sums, nil
}
