package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGivenEmpty: to write 0 or "" is not to leave a key out.
func TestGivenEmpty(t *testing.T) {
	for in, want := range map[string]string{
		"node: {id: 0}":                                    `F:1:12: node.id: 0 is out of range, allowed is at least 1`,
		"node: {data: ''}":                                 `F:1:14: node.data: 0 characters, allowed are at least 1`,
		"cluster: {id: ''}":                                `F:1:15: cluster.id: 0 characters, allowed are at least 1`,
		"cluster: {partitions: 0}":                         `F:1:23: cluster.partitions: 0 is out of range, allowed is at least 1`,
		"cluster: {vnodes: 0}":                             `F:1:19: cluster.vnodes: 0 is out of range, allowed is at least 1`,
		"cluster: {replicas: 0}":                           `F:1:21: cluster.replicas: 0 is out of range, allowed is at least 1`,
		"cluster: {lanes: 0}":                              `F:1:18: cluster.lanes: 0 is out of range, allowed is at least 1`,
		"limits: {batch: 0}":                               `F:1:17: limits.batch: 0 is out of range, allowed is at least 1`,
		"limits: {pending: 0}":                             `F:1:19: limits.pending: 0 is out of range, allowed is at least 16`,
		"limits: {connections: 0}":                         `F:1:23: limits.connections: 0 is out of range, allowed is at least 1`,
		"limits: {value: ''}":                              `F:1:17: limits.value: "" is not a size such as 4096, 512KiB, 64MiB or 1GB`,
		"timeouts: {drain: ''}":                            `F:1:19: timeouts.drain: "" is not a duration such as 500ms, 2s or 1m30s`,
		"listen: {http: ''}":                               `F:1:16: listen.http: "" is not an address such as 127.0.0.1:8080, node1:9000 or :8080`,
		"wal: {sync: ''}":                                  `F:1:13: wal.sync: "" is not a sync policy, allowed are always, interval=100ms (any duration) and never`,
		"log: {level: ''}":                                 `F:1:14: log.level: "" is not one of debug, info, warn, error`,
		"members: [{id: 1, peer: ''}]":                     `F:1:25: members[0].peer: "" is not an address such as 127.0.0.1:8080, node1:9000 or :8080`,
		"members: [&m {id: 1, http: ''}, {<<: *m, id: 2}]": `F:1:28: members[0].http: "" is not an address such as 127.0.0.1:8080, node1:9000 or :8080`,
	} {
		_, err := Parse("F", []byte(in))
		require.Error(t, err, in)
		assert.Equal(t, want, err.Error(), in)
	}
	for _, in := range []string{
		`cluster: {shared_key: ""}`, "node: {id: }", "cluster: {lanes: ~, id: ~}", "listen:\nlog:\n",
		"members:\n  - {id: 1, peer: 'a:1', zone: ''}\n  - &m {id: 2, zone: y, weight: 0, peer: 'a:2'}\n  - {<<: *m, id: 3, peer: 'a:3'}\n",
	} {
		_, err := Parse("F", []byte(in))
		assert.NoError(t, err, in)
	}
	_, err := Load(write(t, "cluster: {lanes: 0}\n"), []string{"QUORATE_CLUSTER_LANES=2"}, nil)
	assert.NoError(t, err, "the variable's value is what counts")
	_, err = Load(write(t, "cluster: {lanes: 3}\n"), []string{"QUORATE_CLUSTER_LANES=0", "QUORATE_CLUSTER_ID="}, map[string]string{"limits.batch": "0"})
	require.Error(t, err)
	assert.Equal(t, "QUORATE_CLUSTER_LANES: cluster.lanes: 0 is out of range, allowed is at least 1\n"+
		"--limits.batch: limits.batch: 0 is out of range, allowed is at least 1", err.Error())
}

// TestValuesAsWritten: what looks like a number is text where text is expected.
func TestValuesAsWritten(t *testing.T) {
	f, err := Parse("F", []byte("cluster: {id: 007, shared_key: 1234567890123456789012, lanes: \"2\"}\nnode: {data: 1e3}\n"))
	require.NoError(t, err)
	assert.Equal(t, Cluster{ID: "007", SharedKey: "1234567890123456789012", Lanes: 2}, f.Cluster)
	assert.Equal(t, "1e3", f.Node.Data)
}

func TestMergedSections(t *testing.T) {
	f, err := Parse("F", []byte("members:\n  - &m {id: 1, peer: a:1, zone: x, weight: 0}\n  - {id: 2, <<: *m, peer: b:1, weight: 3}\nnode: {id: 2}\n"))
	require.NoError(t, err)
	assert.Equal(t, "x", f.Members[1].Zone)
	assert.Equal(t, 2, f.Members[1].ID, "its own keys go over those merged in")
	assert.Equal(t, "b:1", f.Members[1].Peer)
	assert.Equal(t, 3, *f.Members[1].Weight)
	assert.Equal(t, 0, *f.Members[0].Weight)
}
