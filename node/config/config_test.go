package config

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/door"
	"github.com/quoratedb/quorate/wal"
)

var update = flag.Bool("update", false, "write the tables of docs/configuration.md anew")

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quorate.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

const three = `
cluster: {id: prod, shared_key: "0123456789abcdef", replicas: 2, lanes: 1}
node: {id: 2, data: n2/store}
members:
  - {id: 1, peer: "a:9000", http: "a:8080", resp: "a:7379", zone: x}
  - {id: 2, peer: "b:9000", http: "b:8080", resp: "b:7379", zone: y, weight: 2}
  - {id: 3, peer: "c:9000", zone: z, weight: 0}
listen: {http: ":8081", resp: off, admin: "127.0.0.1:6060"}
wal: {sync: interval=100ms, segment: 16MiB, checkpoint: 1GiB, compression: lz4}
limits: {key: 1KiB, value: 1MB, batch: 100, connections: 10, buffers: 2MiB}
timeouts: {request: 1s, heartbeat: 20ms, suspect: 200ms, drain: 1m30s}
log: {level: debug, format: json}
`

func TestLoad(t *testing.T) {
	path := write(t, three)
	f, err := Load(path, []string{"HOME=/x", "QUORATE_LISTEN_HTTP=:9999", "QUORATE_CLUSTER_LANES=4"}, map[string]string{"cluster.lanes": "5"})
	require.NoError(t, err)
	c := f.Config("v1", slog.Default())
	assert.Equal(t, "prod", c.Cluster)
	assert.EqualValues(t, 2, c.Node)
	assert.Equal(t, "0123456789abcdef", string(c.Key))
	assert.Equal(t, 5, c.Lanes, "a flag goes over a variable")
	assert.Equal(t, filepath.Join(filepath.Dir(path), "n2/store"), c.DataDir)
	assert.Equal(t, "b:9000", c.PeerListen)
	assert.Equal(t, "127.0.0.1:6060", c.AdminListen)
	assert.Equal(t, ":9999", f.Listen.HTTP)
	assert.Len(t, c.Doors, 1, "resp is off")
	assert.Equal(t, []node.Member{
		{ID: 1, Zone: "x", Weight: 1, Endpoints: door.Endpoints{Peer: "a:9000", HTTP: "a:8080", RESP: "a:7379"}},
		{ID: 2, Zone: "y", Weight: 2, Endpoints: door.Endpoints{Peer: "b:9000", HTTP: "b:8080", RESP: "b:7379"}},
		{ID: 3, Zone: "z", Weight: 0, Endpoints: door.Endpoints{Peer: "c:9000"}},
	}, c.Members)
	assert.Equal(t, node.SyncPolicy{Mode: node.SyncInterval, Every: 100 * time.Millisecond}, c.Sync)
	assert.EqualValues(t, 16<<20, c.WAL.SegmentBytes)
	assert.Equal(t, wal.LZ4, c.WAL.Compression)
	assert.EqualValues(t, 1<<30, c.CheckpointBytes)
	assert.Equal(t, 1024, c.Limits.KeyBytes)
	assert.Equal(t, 1_000_000, c.Limits.ValueBytes)
	assert.Equal(t, 90*time.Second, c.Timing.Drain)
	var out bytes.Buffer
	f.Logger(&out).Debug("hello", "n", 1)
	assert.Contains(t, out.String(), `"msg":"hello","n":1`)
}

func TestDefaults(t *testing.T) {
	for _, path := range []string{"", write(t, ""), write(t, "# nothing\n"), write(t, "cluster:\n")} {
		f, err := Load(path, nil, nil)
		require.NoError(t, err, path)
		c := f.Config("v1", slog.Default())
		assert.EqualValues(t, 1, c.Node)
		assert.Equal(t, filepath.Join(filepath.Dir(path), "data"), c.DataDir)
		require.Len(t, c.Members, 1)
		assert.Equal(t, door.Endpoints{HTTP: "127.0.0.1:8080", RESP: "127.0.0.1:7379"}, c.Members[0].Endpoints, "no peer port")
		assert.Empty(t, c.PeerListen)
		assert.Empty(t, c.AdminListen)
		assert.Len(t, c.Doors, 2)
		assert.Equal(t, node.SyncAlways, c.Sync.Mode)
		var out bytes.Buffer
		f.Logger(&out).Info("hello")
		assert.Contains(t, out.String(), "INF hello")
	}
}

// TestErrors: what is wrong, where, and what is allowed. F stands for the file.
func TestErrors(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"unknown section", "cluster:\n  id: a\nlisten_to: x\n", `F:3:1: unknown key "listen_to", the keys are listed in docs/configuration.md`},
		{"unknown key", "listen:\n  http: \":80\"\n  htpp: \":81\"\n", `F:3:3: unknown key "htpp", the keys are listed in docs/configuration.md`},
		{"unknown key of a member", "members:\n  - id: 1\n    adress: a:1\n", `F:3:5: unknown key "adress", the keys are listed in docs/configuration.md`},
		{"repeated key", "log:\n  level: info\n  level: debug\n", `F:3:3: mapping key "level" already defined at [2:3]`},
		{"wrong type", "cluster:\n  replicas: three\n", `F:2:13: cluster.replicas: "three" is not a whole number`},
		{"no whole number", "cluster: {replicas: 2.5}\n", `F:1:21: cluster.replicas: "2.5" is not a whole number`},
		{"too large a number", "node: {id: 99999999999999999999}\n", `F:1:12: node.id: "99999999999999999999" is not a whole number`},
		{"wrong shape", "cluster: 5\n", `F:1:10: cluster: "5" is one value, a section with keys of its own is expected`},
		{"wrong shape of members", "members: {id: 1}\n", `F:1:10: members: this is a section, a list is expected`},
		{"wrong shape of a member", "members: [one]\n", `F:1:11: members[0]: "one" is one value, a section with keys of its own is expected`},
		{"wrong shape of a value", "wal: {sync: [always]}\n", `F:1:13: wal.sync: this is a list, one value is expected`},
		{"wrong shape of everything", "- 1\n", `F:1:1: this is a list, a section with keys of its own is expected`},
		{"syntax", "cluster:\n  id: \"a\n", `F:2:7: could not find end character of double-quoted text`},
		{"two documents", "log: {}\n---\nlog: {}\n", `F: the file has several documents, one is allowed`},
		{"address", "listen:\n  http: localhost\n", `F:2:9: listen.http: "localhost" is not an address such as 127.0.0.1:8080, node1:9000 or :8080`},
		{"port", "listen: {resp: \"a:70000\"}\n", `F:1:16: listen.resp: "a:70000" is not an address such as 127.0.0.1:8080, node1:9000 or :8080`},
		{"size", "limits:\n  value: 8 parsecs\n", `F:2:10: limits.value: "8 parsecs" is not a size such as 4096, 512KiB, 64MiB or 1GB`},
		{"size range", "limits:\n  key: 1MiB\n", `F:2:8: limits.key: 1MiB is out of range, allowed is 1B to 64KiB`},
		{"duration", "timeouts:\n  request: 5\n", `F:2:12: timeouts.request: "5" is not a duration such as 500ms, 2s or 1m30s`},
		{"duration range", "timeouts:\n  request: 1h\n", `F:2:12: timeouts.request: 1h is out of range, allowed is 10ms to 10m`},
		{"sync", "wal:\n  sync: sometimes\n", `F:2:9: wal.sync: "sometimes" is not a sync policy, allowed are always, interval=100ms (any duration) and never`},
		{"choice", "log:\n  level: loud\n", `F:2:10: log.level: "loud" is not one of debug, info, warn, error`},
		{"number range", "cluster:\n  replicas: 9\n", `F:2:13: cluster.replicas: 9 is out of range, allowed is at most 7`},
		{"short key", "cluster:\n  shared_key: abc\n", `F:2:15: cluster.shared_key: 3 characters, allowed are at least 16`},
		{"member id", "members:\n  - peer: a:1\n", `F:2:5: members[0].id: 0 is out of range, allowed is at least 1` + "\n"},
		{"same ids", "members:\n  - {id: 1, peer: a:1}\n  - {id: 1, peer: b:1}\n", `F:3:10: members[1].id: 1 is the id of members[0] too, ids must be distinct`},
		{"no peer address", "members:\n  - id: 1\n    peer: a:1\n  - id: 2\n", `F:4:5: members[1].peer: is missing, host:port is needed with more than one member`},
		{"not a member", "node:\n  id: 4\nmembers:\n  - id: 1\n", `F:2:7: node.id: 4 is not among the members`},
		{"no weight", "members:\n  - id: 1\n    weight: 0\n", `F:2:3: members: all weights are 0, one node at least must hold data`},
		{"suspicion", "timeouts:\n  suspect: 60ms\n", `F:2:12: timeouts.suspect: 60ms is less than two heartbeats of 50ms, every node would seem dead`},
		{"partitions", "cluster:\n  partitions: 100\n", `F:2:15: cluster.partitions: 100 is not a power of two`},
		{"more copies than members", "cluster:\n  replicas: 3\nmembers:\n  - {id: 1, peer: a:1}\n  - {id: 2, peer: b:1}\n  - {id: 3, peer: c:1, weight: 0}\n",
			`F:2:13: cluster.replicas: 3 copies need as many members that hold data, there are 2`},
		{"unknown keys and bad values at once", "listen:\n  htpp: \":81\"\n  rest: x\nwal: {sync: sometimes}\nmembers:\n  - {id: 1, adress: x}\n  - {id: 70000}\n",
			"F:2:3: unknown key \"htpp\", the keys are listed in docs/configuration.md\nF:3:3: unknown key \"rest\", the keys are listed in docs/configuration.md\n" +
				"F:4:13: wal.sync: \"sometimes\" is not a sync policy, allowed are always, interval=100ms (any duration) and never\n" +
				"F:6:13: unknown key \"adress\", the keys are listed in docs/configuration.md\nF:7:10: members[1].id: 70000 is out of range, allowed is at most 65535"},
		{"unknown key and wrong type", "cluster:\n  idd: a\n  replicas: three\n",
			"F:2:3: unknown key \"idd\", the keys are listed in docs/configuration.md\nF:3:13: cluster.replicas: \"three\" is not a whole number"},
		{"wrong types and bad values at once", "cluster: 5\nnode: {id: x, dta: y}\nwal: {sync: x, segment: {}}\nmembers:\n  - {id: [1], weight: heavy}\n  - here\nlog: {level: loud}\n",
			"F:1:10: cluster: \"5\" is one value, a section with keys of its own is expected\nF:2:12: node.id: \"x\" is not a whole number\n" +
				"F:2:15: unknown key \"dta\", the keys are listed in docs/configuration.md\n" +
				"F:3:13: wal.sync: \"x\" is not a sync policy, allowed are always, interval=100ms (any duration) and never\nF:3:25: wal.segment: this is a section, one value is expected\n" +
				"F:5:10: members[0].id: this is a list, one value is expected\nF:5:23: members[0].weight: \"heavy\" is not a whole number\n" +
				"F:6:5: members[1]: \"here\" is one value, a section with keys of its own is expected\nF:7:14: log.level: \"loud\" is not one of debug, info, warn, error"},
		{"what contradicts other values at once", "cluster: {partitions: 100, id: \"\"}\ntimeouts: {suspect: 60ms}\nnode: {id: 3}\n" +
			"members: [{id: 1, peer: \"a:1\"}]\n", "F:1:23: cluster.partitions: 100 is not a power of two\nF:1:32: cluster.id: 0 characters, allowed are at least 1\n" +
			"F:2:21: timeouts.suspect: 60ms is less than two heartbeats of 50ms, every node would seem dead\nF:3:12: node.id: 3 is not among the members"},
		{"alias of another kind", "node: {data: &a x}\ncluster: {lanes: *a}\n", `F:2:18: cluster.lanes: "x" is not a whole number`},
		{"alias of nothing", "cluster: {lanes: *a}\nnode: {data: &a x}\n", `F:1:18: cluster.lanes: there is no anchor &a before this alias`},
		{"merged sections", "members:\n  - &m {id: 1, peer: a:1, weight: x}\n  - {<<: *m, id: 2}\n", `F:2:35: members[0].weight: "x" is not a whole number`},
		{"aliases in circles", "cluster: &c {<<: *c}\n", `F:1:1: the file has more than 20000 values with its aliases, or they go in circles`},
		{"a tag", "cluster: {id: !!binary aGVsbG8=}\n", `F:1:15: cluster.id: has the tag !!binary, leave it out`},
		{"unknown key behind an alias", "members:\n  - &m {id: 1, adress: x}\n  - *m\n", `F:2:16: unknown key "adress", the keys are listed in docs/configuration.md`},
		{"all at once, in order", "log:\n  level: loud\ncluster:\n  replicas: 9\n", "F:2:10: log.level: \"loud\" is not one of debug, info, warn, error\nF:4:13: cluster.replicas: 9 is out of range, allowed is at most 7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, tc.file)
			_, err := Load(path, nil, nil)
			require.Error(t, err)
			assert.Equal(t, strings.TrimSpace(tc.want), strings.ReplaceAll(err.Error(), path, "F"))
		})
	}
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil)
	assert.ErrorContains(t, err, "none.yaml: no such file")
}

func TestOverrideErrors(t *testing.T) {
	_, err := Load(write(t, "listen: {http: \":80\"}\n"), []string{"QUORATE_LISTEN_HTPP=:1", "QUORATE_LOG_LEVEL=loud", "QUORATE_CLUSTER_LANES=two"}, map[string]string{"wal.snyc": "x", "listen.http": "here"})
	require.Error(t, err)
	for _, want := range []string{
		"QUORATE_LISTEN_HTPP: no such setting; the variables are listed in docs/configuration.md",
		`QUORATE_LOG_LEVEL: log.level: "loud" is not one of debug, info, warn, error`,
		`QUORATE_CLUSTER_LANES: cluster.lanes: "two" is not a whole number`,
		"--wal.snyc: no such setting; the keys are listed in docs/configuration.md",
		`--listen.http: listen.http: "here" is not an address such as 127.0.0.1:8080, node1:9000 or :8080`,
	} {
		assert.Contains(t, err.Error(), want)
	}
}

func TestMarshal(t *testing.T) {
	f, err := Load(write(t, three), nil, nil)
	require.NoError(t, err)
	b, err := Marshal(f)
	require.NoError(t, err)
	again, err := Parse("again", b)
	require.NoError(t, err, string(b))
	assert.Equal(t, f, again, string(b))
	assert.Contains(t, string(b), "# when an acknowledged write is on disk")

	def, err := Load("", nil, nil)
	require.NoError(t, err)
	b, err = Marshal(def)
	require.NoError(t, err)
	_, err = Parse("default", b)
	require.NoError(t, err, string(b))
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "1": 1, "512B": 512, "1KiB": 1024, "1.5 MiB": 3 << 19, "2GB": 2e9, "1TiB": 1 << 40} {
		n, err := ParseSize(s)
		require.NoError(t, err, s)
		assert.Equal(t, want, n, s)
	}
	for _, s := range []string{"", "MiB", "-1B", "1.5B", "1 2", "1e30", "1XiB", "0x10", "NaN", "Inf", "9999999TiB"} {
		_, err := ParseSize(s)
		assert.Error(t, err, s)
	}
}

// TestDocs: the tables of docs/configuration.md are those of the schema.
func TestDocs(t *testing.T) {
	const path = "../../docs/configuration.md"
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	const begin, end = "<!-- keys: written by go test ./node/config -update -->\n", "<!-- end of keys -->"
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	require.True(t, ok && ok2, "the marks of the tables are missing")
	want := before + begin + tables() + end + after
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(b), "run go test ./node/config -update")
}

func tables() string {
	var b strings.Builder
	row := func(name, doc, def string) { fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, doc, def) }
	section := ""
	for _, k := range Keys() {
		s, _, _ := strings.Cut(k.Name, ".")
		if s != section {
			section = s
			fmt.Fprintf(&b, "\n### %s\n\n| key | meaning | default |\n|---|---|---|\n", s)
		}
		row(k.Name, k.Doc, k.Default)
	}
	b.WriteString("\n### members\n\n| key | meaning | default |\n|---|---|---|\n")
	m := reflect.TypeFor[Member]()
	for i := range m.NumField() {
		row("members[]."+yamlName(m.Field(i)), m.Field(i).Tag.Get("doc"), m.Field(i).Tag.Get("default"))
	}
	return b.String() + "\n"
}

// FuzzParse: any file is a configuration that a node can be told, or problems
// with a message each.
func FuzzParse(f *testing.F) {
	f.Add([]byte(three))
	f.Add([]byte("members:\n  - {id: 1, weight: ~}\n"))
	f.Add([]byte("a: &x [*x]\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := Parse("f", in)
		if err == nil {
			file.Config("v", slog.Default())
			return
		}
		for _, p := range err.(Problems) {
			require.NotEmpty(t, p.Message)
		}
	})
}
