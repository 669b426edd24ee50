package config

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/door"
	"github.com/quoratedb/quorate/node/httpd"
	"github.com/quoratedb/quorate/node/resp"
	"github.com/quoratedb/quorate/wal"
)

// The defaults that the file's own keys decide.
const (
	defaultHTTP = "127.0.0.1:8080"
	defaultRESP = "127.0.0.1:7379"
)

// fill puts in the defaults that other values depend on.
func (f *File) fill() {
	if f.Node.ID == 0 {
		f.Node.ID = 1
	}
	f.Node.Data = orDefault(f.Node.Data, "data")
	if len(f.Members) == 0 {
		own := Member{ID: f.Node.ID, HTTP: shown(f.Listen.HTTP, defaultHTTP), RESP: shown(f.Listen.RESP, defaultRESP), Peer: shown(f.Listen.Peer, "")}
		f.Members = []Member{own}
		f.Listen.Peer = orDefault(f.Listen.Peer, off)
	}
	for i := range f.Members {
		m := &f.Members[i]
		if m.Weight == nil {
			one := 1
			m.Weight = &one
		}
		if m.ID != f.Node.ID {
			continue
		}
		f.Listen.HTTP = orDefault(f.Listen.HTTP, orDefault(m.HTTP, defaultHTTP))
		f.Listen.RESP = orDefault(f.Listen.RESP, orDefault(m.RESP, defaultRESP))
		f.Listen.Peer = orDefault(f.Listen.Peer, orDefault(m.Peer, off))
	}
	f.Listen.Admin = orDefault(f.Listen.Admin, off)
}

// shown is the address of a listener as members see it, "" if it is off.
func shown(listen, def string) string {
	if listen == off {
		return ""
	}
	return orDefault(listen, def)
}

// Config is the file as a node takes it, with the front doors that it asks for.
// version is the program's.
func (f *File) Config(version string, log *slog.Logger) node.Config {
	metrics := prometheus.NewRegistry()
	c := node.Config{
		Cluster: f.Cluster.ID, Node: kv.NodeID(f.Node.ID), Key: []byte(f.Cluster.SharedKey), Version: version,
		Partitions: f.Cluster.Partitions, VNodes: f.Cluster.VNodes, Replicas: f.Cluster.Replicas, Lanes: f.Cluster.Lanes,
		DataDir: f.Node.Data, CheckpointBytes: size(f.WAL.Checkpoint), WAL: wal.Options{SegmentBytes: size(f.WAL.Segment)},
		PeerListen: unlessOff(f.Listen.Peer), AdminListen: unlessOff(f.Listen.Admin),
		Limits: node.Limits{KeyBytes: int(size(f.Limits.Key)), ValueBytes: int(size(f.Limits.Value)), BatchOps: f.Limits.Batch, PendingOps: f.Limits.Pending},
		Timing: node.Timing{Request: duration(f.Timeouts.Request), Heartbeat: duration(f.Timeouts.Heartbeat), Suspect: duration(f.Timeouts.Suspect),
			Resend: duration(f.Timeouts.Resend), Level: duration(f.Timeouts.Level), Drain: duration(f.Timeouts.Drain)},
		Eventual: f.eventual(),
		Log:      log, Metrics: metrics,
	}
	for _, m := range f.Members {
		e := door.Endpoints{HTTP: m.HTTP, RESP: m.RESP, Peer: m.Peer}
		if m.ID == f.Node.ID && c.PeerListen == "" {
			e.Peer = "" // nobody listens there
		}
		c.Members = append(c.Members, node.Member{ID: kv.NodeID(m.ID), Zone: m.Zone, Weight: *m.Weight, Endpoints: e})
	}
	c.Sync = f.syncPolicy()
	if f.WAL.Compression != "" {
		kind, err := wal.ParseCompression(f.WAL.Compression)
		if err != nil {
			panic("config: not validated: " + err.Error())
		}
		c.WAL.Compression = kind
	}
	if a := unlessOff(f.Listen.RESP); a != "" {
		c.Doors = append(c.Doors, resp.Door(a, resp.Config{Log: log, Metrics: metrics, MaxConns: f.Limits.Connections,
			BufferBytes: size(f.Limits.Buffers), WriteTimeout: duration(f.Timeouts.Write)}))
	}
	if a := unlessOff(f.Listen.HTTP); a != "" {
		c.Doors = append(c.Doors, httpd.Door(a, httpd.Config{Log: log, Metrics: metrics, MaxConns: f.Limits.Connections,
			BufferBytes: size(f.Limits.Buffers), WriteTimeout: duration(f.Timeouts.Write)}))
	}
	return c
}

func (f *File) eventual() node.Eventual {
	e := &f.Eventual
	return node.Eventual{
		HintAfter: duration(e.HintAfter), HintTTL: duration(e.HintTTL), HintBytes: size(e.HintBytes), HintTotal: size(e.HintTotal),
		RepairEvery: duration(e.RepairEvery), RepairWait: duration(e.RepairWait), RepairRate: size(e.RepairRate),
		Collect: duration(e.Collect), ClockCap: duration(e.ClockCap),
	}
}

func (f *File) syncPolicy() node.SyncPolicy {
	mode, every, err := parseSync(orDefault(f.WAL.Sync, "always"))
	if err != nil {
		panic("config: not validated: " + err.Error())
	}
	modes := []string{node.SyncAlways: "always", node.SyncInterval: "interval", node.SyncNever: "never"}
	return node.SyncPolicy{Mode: node.SyncMode(slices.Index(modes, mode)), Every: every}
}

func unlessOff(s string) string {
	if s == off {
		return ""
	}
	return s
}

// Logger writes as the file's log section says, in colour on a terminal.
func (f *File) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(orDefault(f.Log.Level, "info"))); err != nil {
		panic("config: not validated: " + err.Error())
	}
	if f.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	file, ok := w.(*os.File)
	colour := ok && isatty.IsTerminal(file.Fd())
	return slog.New(tint.NewHandler(w, &tint.Options{Level: level, NoColor: !colour, TimeFormat: time.RFC3339}))
}
