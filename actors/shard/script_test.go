package shard_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestScripts plays the scenarios of testdata: one file, one scenario. A line
// is a command; behind it stands, after ">", every message that was delivered
// or lost by it and every result, in order. `go test -update` rewrites them.
//
//	cluster NODES PARTITIONS [whole] [level]   whole: with the shortcut that takes agreeing digests
//	                                           as touched; level: with background rounds each 500 ms
//	op NODE OP; OP; ...          operations from a client of that node, as one request. An OP is
//	                             get K | set K V | nx K V | del K | incr K | cas K OLD NEW, a key
//	                             is in partition 0, or "1/K" in partition 1
//	run                          delivers until nothing is left to deliver
//	hold PATTERN                 what matches stays where it is until "free"; PATTERN is FROM NAME TO,
//	free PATTERN                 where "n1 accept *" means any receiver
//	drop PATTERN                 loses the first message that matches
//	dup PATTERN                  duplicates it
//	cut NODE | heal NODE         everything from and to that node is lost
//	dead NODE PEER               NODE's shard is told that PEER seems dead
//	alive NODE PEER INC          that it is alive
//	restart NODE                 the node boots again from its records
//	unsynced NODE                what it writes from now on does not survive its restart
//	slow NODE                    the node's disk is slow: its own durable messages take their turn
//	hand NODE                    NODE is told to hand everything over
//	wait MS                      time passes, timers run out, messages are delivered
//	state                        what replicas hold, and who owns what
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			got := play(t, string(want))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
				return
			}
			require.Equal(t, string(want), got)
		})
	}
}

func play(t *testing.T, script string) string {
	var w *world
	var got strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		got.WriteString(line)
		command, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if command == "" || command[0] == '#' {
			continue
		}
		if command == "cluster" {
			w = newWorld(t, &got, strings.Fields(args))
			continue
		}
		require.NotNil(t, w, "a script begins with a cluster")
		w.command(command, args)
	}
	return got.String()
}
