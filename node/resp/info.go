package resp

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// redisVersion is what clients that look for features are told: the commands
// here behave as those of this release.
const redisVersion = "7.0.0"

// infoSections are the sections of INFO in their order.
var infoSections = []struct {
	name  string
	write func(s *Server, b *strings.Builder)
}{
	{"server", infoServer}, {"clients", infoClients}, {"memory", infoMemory}, {"persistence", infoPersistence},
	{"stats", infoStats}, {"replication", infoReplication}, {"keyspace", infoKeyspace},
}

// runInfo answers INFO [section ...]; an unknown section is empty, as in Redis.
func runInfo(c *conn, args [][]byte) {
	var b strings.Builder
	for _, sec := range infoSections {
		if len(args) > 1 && !slices.ContainsFunc(args[1:], func(a []byte) bool {
			return isWord(a, strings.ToUpper(sec.name)) || isWord(a, "ALL") || isWord(a, "EVERYTHING") || isWord(a, "DEFAULT")
		}) {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		fmt.Fprintf(&b, "# %s%s\r\n", strings.ToUpper(sec.name[:1]), sec.name[1:])
		sec.write(c.s, &b)
	}
	c.bulk(b.String())
}

func field(b *strings.Builder, name string, v any) { fmt.Fprintf(b, "%s:%v\r\n", name, v) }

func infoServer(s *Server, b *strings.Builder) {
	st := s.cfg.Host.Stats()
	field(b, "redis_version", redisVersion)
	field(b, "redis_mode", "standalone")
	field(b, "quorate_version", st.Version)
	field(b, "quorate_node", st.Node)
	field(b, "quorate_incarnation", st.Inc)
	field(b, "quorate_cluster", st.Cluster)
	field(b, "os", runtime.GOOS+" "+runtime.GOARCH)
	field(b, "process_id", os.Getpid())
	field(b, "uptime_in_seconds", int(st.UptimeSeconds))
	field(b, "uptime_in_days", int(st.UptimeSeconds)/86400)
	field(b, "server_time_usec", time.Now().UnixMicro())
}

func infoClients(s *Server, b *strings.Builder) {
	s.mu.Lock()
	n := len(s.conns)
	s.mu.Unlock()
	field(b, "connected_clients", n)
	field(b, "maxclients", s.cfg.MaxConns)
	field(b, "blocked_clients", 0)
}

func infoMemory(s *Server, b *strings.Builder) {
	st := s.cfg.Host.Stats()
	field(b, "used_memory", st.HeapBytes)
	field(b, "used_memory_human", fmt.Sprintf("%.2fM", float64(st.HeapBytes)/(1<<20)))
	field(b, "used_memory_dataset", st.DataBytes)
	field(b, "maxmemory", 0)
	field(b, "maxmemory_policy", "noeviction")
}

func infoPersistence(s *Server, b *strings.Builder) {
	st := s.cfg.Host.Stats()
	field(b, "loading", 0)
	field(b, "aof_enabled", 1)
	field(b, "aof_current_size", st.WALBytes)
	field(b, "wal_segments", st.WALSegments)
	field(b, "wal_syncs", st.WALSyncs)
}

func infoStats(s *Server, b *strings.Builder) {
	st := s.cfg.Host.Stats()
	field(b, "total_connections_received", s.accepted.Load())
	field(b, "total_commands_processed", s.commands.Load())
	field(b, "rejected_connections", s.refused.Load())
	field(b, "protocol_errors", s.broken.Load())
	field(b, "slow_connections_closed", s.slow.Load())
	for _, k := range slices.Sorted(maps.Keys(st.Ops)) {
		field(b, "ops_"+k, st.Ops[k])
	}
	for _, k := range slices.Sorted(maps.Keys(st.Outcomes)) {
		field(b, "outcome_"+strings.ReplaceAll(k, " ", "_"), st.Outcomes[k])
	}
}

func infoReplication(s *Server, b *strings.Builder) {
	st := s.cfg.Host.Stats()
	field(b, "role", "master") // every node takes writes
	field(b, "connected_slaves", 0)
	field(b, "replicas", st.Replicas)
	field(b, "partitions", st.Partitions)
	field(b, "partitions_owned", st.Owned)
	for _, p := range st.Peers {
		state := "down"
		if p.Alive {
			state = "up"
		}
		field(b, fmt.Sprintf("node%d", p.Node), fmt.Sprintf("state=%s,zone=%s,peer=%s,resp=%s", state, p.Zone, p.Endpoints.Peer, p.Endpoints.RESP))
	}
}

func infoKeyspace(s *Server, b *strings.Builder) {
	if st := s.cfg.Host.Stats(); st.Keys > 0 {
		field(b, "db0", fmt.Sprintf("keys=%d,expires=0,avg_ttl=0", st.Keys))
	}
}

// The metrics that Collect reports.
var (
	descConns    = prometheus.NewDesc("quorate_resp_connections", "Open RESP connections.", nil, nil)
	descAccepted = prometheus.NewDesc("quorate_resp_connections_total", "RESP connections accepted.", nil, nil)
	descClosed   = prometheus.NewDesc("quorate_resp_closed_total", "RESP connections refused or closed by the node.", []string{"reason"}, nil)
	descCommands = prometheus.NewDesc("quorate_resp_commands_total", "RESP commands taken.", nil, nil)
)

// Describe implements prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, ch) }

// Collect implements prometheus.Collector.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	n := len(s.conns)
	s.mu.Unlock()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	ch <- prometheus.MustNewConstMetric(descConns, prometheus.GaugeValue, float64(n))
	counter(descAccepted, s.accepted.Load())
	counter(descClosed, s.refused.Load(), "full")
	counter(descClosed, s.broken.Load(), "protocol")
	counter(descClosed, s.slow.Load(), "slow")
	counter(descCommands, s.commands.Load())
}
