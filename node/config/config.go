// Package config reads what a node is told: a YAML file, then QUORATE_…
// variables, then flags, each over the one before. What is wrong is reported
// all at once, with the line and the column in the file, or the name of the
// variable or flag. docs/configuration.md lists every key.
package config

// File is the schema of the configuration file. Sizes, durations and addresses
// stay as written until Config reads them. "" and 0 take the default; a file, a
// variable or a flag takes it by leaving the key out.
type File struct {
	Cluster  Cluster  `yaml:"cluster"`
	Node     Node     `yaml:"node"`
	Members  []Member `yaml:"members,omitempty" validate:"max=1024,dive"`
	Listen   Listen   `yaml:"listen,omitempty"`
	WAL      WAL      `yaml:"wal,omitempty"`
	Limits   Limits   `yaml:"limits,omitempty"`
	Timeouts Timeouts `yaml:"timeouts,omitempty"`
	Eventual Eventual `yaml:"eventual,omitempty"`
	Log      Log      `yaml:"log,omitempty"`
}

// Cluster is what all members must agree on.
type Cluster struct {
	ID         string `yaml:"id,omitempty" validate:"omitempty,min=1,max=64,printascii" doc:"name of the cluster; nodes of another one are turned away" default:"quorate"`
	SharedKey  string `yaml:"shared_key,omitempty" validate:"omitempty,min=16,max=1024" empty:"allowed" doc:"secret that every node proves to its peers, 16 characters or more; empty: anyone may connect to the peer port" default:"none"`
	Partitions int    `yaml:"partitions,omitempty" validate:"omitempty,min=1,max=4096" doc:"parts of the key space; fixed when the cluster is created" default:"256"`
	VNodes     int    `yaml:"vnodes,omitempty" validate:"omitempty,min=1,max=4096" doc:"points of the ring per node and unit of weight" default:"the ring's own"`
	Replicas   int    `yaml:"replicas,omitempty" validate:"omitempty,min=1,max=7" doc:"copies of each key (N)" default:"3, or the number of members if these are fewer"`
	Lanes      int    `yaml:"lanes,omitempty" validate:"omitempty,min=1,max=256" doc:"units of concurrency per node, one for two cores" default:"1"`
}

// Node is who this node is.
type Node struct {
	ID   int    `yaml:"id,omitempty" validate:"omitempty,min=1,max=65535" doc:"this node's id among the members" default:"1"`
	Data string `yaml:"data,omitempty" validate:"omitempty,min=1" doc:"directory of its log; relative to the configuration file" default:"./data"`
}

// Member is one node of the cluster as all others see it.
type Member struct {
	ID     int    `yaml:"id" validate:"min=1,max=65535" doc:"1 to 65535, distinct"`
	Peer   string `yaml:"peer,omitempty" validate:"omitempty,address" doc:"host:port where the other nodes reach it"`
	HTTP   string `yaml:"http,omitempty" validate:"omitempty,address" doc:"host:port of its HTTP door, shown to clients"`
	RESP   string `yaml:"resp,omitempty" validate:"omitempty,address" doc:"host:port of its Redis door, shown to clients"`
	Zone   string `yaml:"zone,omitempty" validate:"omitempty,max=64,printascii" doc:"failure domain; copies are spread over zones first" default:"none"`
	Weight *int   `yaml:"weight,omitempty" validate:"omitempty,min=0,max=1000" doc:"share of the data; 0 holds none" default:"1"`
}

// Listen is where this node listens: host:port, or "off".
type Listen struct {
	HTTP  string `yaml:"http,omitempty" validate:"omitempty,listen" doc:"host:port or off" default:"the member's http, or 127.0.0.1:8080"`
	RESP  string `yaml:"resp,omitempty" validate:"omitempty,listen" doc:"host:port or off" default:"the member's resp, or 127.0.0.1:7379"`
	Peer  string `yaml:"peer,omitempty" validate:"omitempty,listen" doc:"host:port" default:"the member's peer; off for a cluster of one"`
	Admin string `yaml:"admin,omitempty" validate:"omitempty,listen" doc:"host:port of pprof and metrics, or off; never open it to the world" default:"off"`
}

// WAL is how the log is kept.
type WAL struct {
	Sync        string `yaml:"sync,omitempty" validate:"omitempty,sync" doc:"when an acknowledged write is on disk: always, interval=100ms, never" default:"always"`
	Segment     string `yaml:"segment,omitempty" validate:"omitempty,size=64KiB 4GiB" doc:"size of a log file" default:"64MiB"`
	Checkpoint  string `yaml:"checkpoint,omitempty" validate:"omitempty,size=1MiB 1TiB" doc:"log size that begins a checkpoint" default:"256MiB"`
	Compression string `yaml:"compression,omitempty" validate:"omitempty,oneof=zstd lz4 none" doc:"of checkpoints: zstd, lz4, none" default:"zstd"`
}

// Limits bounds what clients may ask.
type Limits struct {
	Key         string `yaml:"key,omitempty" validate:"omitempty,size=1B 64KiB" doc:"largest key" default:"64KiB"`
	Value       string `yaml:"value,omitempty" validate:"omitempty,size=1B 16MiB" doc:"largest value" default:"8MiB"`
	Batch       int    `yaml:"batch,omitempty" validate:"omitempty,min=1,max=65536" doc:"operations that one connection has in flight" default:"65536"`
	Pending     int    `yaml:"pending,omitempty" validate:"omitempty,min=16,max=16777216" doc:"operations waiting in one lane" default:"65536"`
	Connections int    `yaml:"connections,omitempty" validate:"omitempty,min=1,max=1000000" doc:"open connections of each door; fewer, with a warning, where the limit of open files is too low" default:"20000"`
	Buffers     string `yaml:"buffers,omitempty" validate:"omitempty,size=1MiB 1TiB" doc:"large requests being taken in, and large answers over HTTP, of each door" default:"512MiB"`
}

// Timeouts are the durations that may be tuned.
type Timeouts struct {
	Request   string `yaml:"request,omitempty" validate:"omitempty,duration=10ms 10m" doc:"an operation, until it is answered as unavailable or unknown" default:"2s"`
	Heartbeat string `yaml:"heartbeat,omitempty" validate:"omitempty,duration=5ms 1m" doc:"between two signs of life" default:"50ms"`
	Suspect   string `yaml:"suspect,omitempty" validate:"omitempty,duration=10ms 10m" doc:"silence after which a peer seems dead" default:"500ms"`
	Resend    string `yaml:"resend,omitempty" validate:"omitempty,duration=1ms 1m" doc:"before an unanswered protocol message is repeated" default:"100ms"`
	Level     string `yaml:"level,omitempty" validate:"omitempty,duration=50ms 24h" doc:"between rounds that bring replicas level" default:"5s"`
	Drain     string `yaml:"drain,omitempty" validate:"omitempty,duration=1ms 10m" doc:"most time for handing ownership on at shutdown" default:"2s"`
	Write     string `yaml:"write,omitempty" validate:"omitempty,duration=10ms 10m" doc:"a client that does not take its replies" default:"10s"`
}

// Eventual is about buckets of the modes eventual and abd.
type Eventual struct {
	HintAfter   string `yaml:"hint_after,omitempty" validate:"omitempty,duration=10ms 1m" doc:"silence of a replica after which a hint is kept for it" default:"200ms"`
	HintTTL     string `yaml:"hint_ttl,omitempty" validate:"omitempty,duration=1s 168h" doc:"life of a hint; the grace of a bucket is longer; the same on all nodes" default:"3h"`
	HintBytes   string `yaml:"hint_bytes,omitempty" validate:"omitempty,size=4KiB 1TiB" doc:"hints that this node keeps for one other" default:"64MiB"`
	HintTotal   string `yaml:"hint_total,omitempty" validate:"omitempty,size=4KiB 1TiB" doc:"hints that this node keeps, in memory" default:"256MiB"`
	RepairEvery string `yaml:"repair_every,omitempty" validate:"omitempty,duration=50ms 24h" doc:"between two comparisons with another node (anti-entropy)" default:"10s"`
	RepairWait  string `yaml:"repair_wait,omitempty" validate:"omitempty,duration=1ms 24h" doc:"for which a node that came back is left to hints first" default:"10s"`
	RepairRate  string `yaml:"repair_rate,omitempty" validate:"omitempty,size=16KiB 16GiB" doc:"bytes per second that anti-entropy moves at most" default:"16MiB"`
	Collect     string `yaml:"collect,omitempty" validate:"omitempty,duration=100ms 24h" doc:"in which every tombstone is looked at once" default:"10m"`
	ClockCap    string `yaml:"clock_cap,omitempty" validate:"omitempty,duration=10ms 1m" doc:"how far a write's time stamp may be ahead of a node's clock; the same on all nodes" default:"500ms"`
}

// Log is what is written to standard error.
type Log struct {
	Level  string `yaml:"level,omitempty" validate:"omitempty,oneof=debug info warn error" doc:"debug, info, warn, error" default:"info"`
	Format string `yaml:"format,omitempty" validate:"omitempty,oneof=text json" doc:"text, json" default:"text"`
}
