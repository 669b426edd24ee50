package config

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFitConnections(t *testing.T) {
	peers := "members: [{id: 1, peer: \"a:1\"}, {id: 2, peer: \"b:1\"}, {id: 3, peer: \"c:1\"}]\n"
	for _, tc := range []struct {
		name, file string
		limit      uint64
		want       int
		warns      string
	}{
		{"no limit", "", 0, 0, ""},
		{"room for the default", "", 40_256, 0, ""},
		{"fewer than the default, which nobody asked for", "", 40_255, 19_999, ""},
		{"one too few", "limits: {connections: 20000}\n", 40_255, 19_999, "files=40255 reserved=256 configured=20000 used=19999 needed_files=40256"},
		{"a low limit", "", 2000, 872, "files=2000 reserved=256 configured=20000 used=872"},
		{"half of a very low one", "", 400, 100, "files=400 reserved=200 configured=20000 used=100"},
		{"next to nothing", "", 2, 1, "used=1"},
		{"one door", "listen: {http: off}\n", 1000, 744, "used=744"},
		{"no door", "listen: {http: off, resp: off}\n", 400, 0, ""},
		{"peers", peers, 2000, 869, "reserved=262"},
		{"few enough", "limits: {connections: 50}\n", 400, 50, ""},
		{"set too high", "limits: {connections: 3000}\n", 4096, 1920, "configured=3000 used=1920"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := Parse("F", []byte(tc.file))
			require.NoError(t, err)
			var out bytes.Buffer
			f.FitConnections(tc.limit, slog.New(slog.NewTextHandler(&out, nil)))
			assert.Equal(t, tc.want, f.Limits.Connections)
			assert.Contains(t, out.String(), tc.warns)
			assert.Equal(t, tc.warns == "", out.Len() == 0, out.String())
		})
	}
}
