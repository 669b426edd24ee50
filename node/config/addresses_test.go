package config

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAddresses: one address is given to one member, and to one listener.
func TestAddresses(t *testing.T) {
	members := func(second string) string {
		return "members:\n  - {id: 1, peer: \"a:9000\", http: \"a:8080\", resp: \"a:7379\"}\n  - {id: 2, " + second + "}\n"
	}
	const apart, listeners = ": each needs an address of its own", ": each listener needs an address of its own"
	for in, want := range map[string]string{
		members(`peer: "a:9000"`):                                         "F:3:19: members[1].peer: a:9000 is taken by members[0].peer" + apart,
		members(`peer: "b:9000", http: "A:08080"`):                        "F:3:35: members[1].http: A:08080 is taken by members[0].http, which is a:8080" + apart,
		members(`peer: "b:9000", resp: "a:7379"`):                         "F:3:35: members[1].resp: a:7379 is taken by members[0].resp" + apart,
		members(`peer: "a:7379"`):                                         "F:3:19: members[1].peer: a:7379 is taken by members[0].resp" + apart,
		members(`peer: "b:1", http: "b:1"`):                               "F:3:32: members[1].http: b:1 is taken by members[1].peer" + apart,
		"listen: {http: \"127.0.0.1:7379\"}":                              "F:1:16: listen.http: 127.0.0.1:7379 is taken by listen.resp, whose default is 127.0.0.1:7379" + listeners,
		"listen: {http: \"0.0.0.0:7379\"}":                                "F:1:16: listen.http: 0.0.0.0:7379 is taken by listen.resp, whose default is 127.0.0.1:7379" + listeners,
		"listen: {resp: \":8080\"}":                                       "F:1:16: listen.resp: :8080 is taken by listen.http, whose default is 127.0.0.1:8080" + listeners,
		"listen: {admin: \"[::]:8080\"}":                                  "F:1:17: listen.admin: [::]:8080 is taken by listen.http, whose default is 127.0.0.1:8080" + listeners,
		"listen: {http: \"localhost:1\", resp: \"[::ffff:127.0.0.1]:1\"}": "F:1:37: listen.resp: [::ffff:127.0.0.1]:1 is taken by listen.http, which is localhost:1" + listeners,
		"listen: {http: \"[::1]:1\", resp: \":1\", peer: \"x:1\"}": "F:1:33: listen.resp: :1 is taken by listen.http, which is [::1]:1" + listeners +
			"\nF:1:45: listen.peer: x:1 is taken by listen.resp, which is :1" + listeners,
		members(`peer: "b:9000"`) + "listen: {admin: \"a:9000\"}\n":               "F:4:17: listen.admin: a:9000 is taken by members[0].peer" + listeners,
		members(`peer: "b:9000"`) + "node: {id: 2}\nlisten: {http: \":9000\"}\n":  "F:3:19: members[1].peer: b:9000 is taken by listen.http, which is :9000" + listeners,
		members(`peer: "b:9000", resp: "b:8080"`) + "listen: {resp: \":8080\"}\n": "F:4:16: listen.resp: :8080 is taken by members[0].http, which is a:8080" + listeners,
	} {
		_, err := Parse("F", []byte(in))
		require.Error(t, err, in)
		assert.Equal(t, want, err.Error(), in)
	}
	for _, in := range []string{
		"listen: {http: off, resp: \"127.0.0.1:8080\"}", "listen: {http: \"127.0.0.1:7380\", resp: \"127.0.0.2:7380\"}", "members: [{id: 1, peer: ~, http: ~}]",
		"members: [{id: 1, http: \"a:1\", resp: \"a:2\"}]\nlisten: {http: \":2\", resp: \":1\"}", // behind a proxy
		members(`peer: "a:9001", http: "a:8081", resp: "a:7380"`),
	} {
		_, err := Parse("F", []byte(in))
		assert.NoError(t, err, in)
	}
	_, err := Load(write(t, ""), []string{"QUORATE_LISTEN_HTTP=:7379"}, map[string]string{"listen.admin": "127.0.0.1:07379"})
	require.Error(t, err)
	assert.Equal(t, "QUORATE_LISTEN_HTTP: listen.http: :7379 is taken by listen.resp, whose default is 127.0.0.1:7379"+listeners+
		"\n--listen.admin: listen.admin: 127.0.0.1:07379 is taken by listen.http, which is :7379"+listeners, err.Error())
}

// TestPeerAddressOfOne: a node that nobody can reach shows no address for it.
func TestPeerAddressOfOne(t *testing.T) {
	for in, want := range map[string]string{
		"members: [{id: 1}]":                                        "",
		"members: [{id: 1, peer: \"a:9000\"}]":                      "a:9000",
		"members: [{id: 1, peer: \"a:9000\"}]\nlisten: {peer: off}": "",
		"listen: {peer: \":9000\"}":                                 ":9000",
	} {
		f, err := Parse("F", []byte(in))
		require.NoError(t, err, in)
		c := f.Config("v", slog.Default())
		assert.Equal(t, want, c.Members[0].Endpoints.Peer, in)
		assert.Equal(t, want, c.PeerListen, in)
	}
}
