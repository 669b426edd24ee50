//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTorture(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	stdout, stderr, code := quorate(t, "", "torture", "--for", "5s", "--seed", "4", "--json", "--out", out)
	require.Zero(t, code, "%s\n%s", stdout, stderr)
	var rep tortureReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &rep))
	assert.Equal(t, verdictOK, rep.Verdict)
	assert.Zero(t, rep.AckedLost)
	assert.NotEmpty(t, rep.Faults)
	assert.Greater(t, rep.OpsOK, 300)
	assert.Positive(t, rep.LongestGapNs)

	var names []string
	for _, c := range rep.Checks {
		names = append(names, c.Check)
		assert.Equal(t, checkKept, c.Verdict, "%+v", c)
		assert.Positive(t, c.Judged, "%+v", c)
	}
	assert.Equal(t, []string{"linearizable", "sessions", "staleness", "lost-writes", "convergence"}, names)

	// The history that it kept means the same to the checker.
	stdout, _, code = quorate(t, "", "check", "--model", "kv", "--checks", strings.Join(names, ","), filepath.Join(out, "history.jsonl"))
	assert.Zero(t, code, stdout)
	assert.Contains(t, stdout, "linearizable")
}

func TestTortureUsage(t *testing.T) {
	for _, args := range [][]string{{"--nodes", "8"}, {"--for", "1ms"}, {"--faults", "flood"}, {"--scenario", "flood"}, {"--clients", "0"}, {"--out", "."}} {
		_, stderr, code := quorate(t, "", append([]string{"torture"}, args...)...)
		assert.Equal(t, exitUsage, code, "%v", args)
		assert.Contains(t, stderr, args[0], "%v", args)
	}
	_, err := os.Stat("n1.log")
	assert.Error(t, err, "nothing was written")
}

// A run that somebody ends has no verdict, so it must not look like a violation.
func TestTortureInterrupted(t *testing.T) {
	for _, begun := range []string{"n1.log", "faults.log"} { // the nodes start; the load is on
		t.Run(begun, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			p := launch(t, "torture", "--for", "60s", "--nodes", "1", "--faults", "kill", "--out", out)
			require.Eventually(t, func() bool {
				_, err := os.Stat(filepath.Join(out, begun))
				return err == nil
			}, startBound, time.Millisecond)
			require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
			assert.Equal(t, exitInterrupted, p.wait())
			assert.Contains(t, p.stderr.String(), "no verdict")
		})
	}
}

// runTorture tortures and reads the report.
func runTorture(t *testing.T, flags ...string) (rep tortureReport) {
	t.Helper()
	stdout, stderr, code := quorate(t, "", append([]string{"torture", "--json"}, flags...)...)
	require.Zero(t, code, "%s\n%s", stdout, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &rep))
	assert.Equal(t, verdictOK, rep.Verdict)
	assert.Zero(t, rep.AckedLost)
	return rep
}

func TestTorturePartitionAndKill(t *testing.T) {
	rep := runTorture(t, "--scenario", "promises", "--faults", "partition,kill", "--for", "6s", "--seed", "3")
	kinds := map[string]int{}
	for _, h := range rep.Timeline {
		kinds[h.Kind]++
		assert.NotEmpty(t, h.Nodes)
		assert.Greater(t, h.ToNs, h.FromNs)
	}
	assert.Positive(t, kinds["partition"])
	assert.Positive(t, kinds["kill"])
	assert.Len(t, kinds, 2)
	assert.Positive(t, rep.GapsByKind["partition"])
}

// A node whose disk is full must stop with a reason, which the run checks, and
// come back. Where the test may mount, the disk is really full every other time.
func TestTortureFullDisk(t *testing.T) {
	if !canFillDisk {
		t.Skip("this system cannot limit the files of a running process")
	}
	out := filepath.Join(t.TempDir(), "out")
	rep := runTorture(t, "--faults", "disk-full", "--for", "6s", "--seed", "2", "--nodes", "1", "--out", out)
	for _, h := range rep.Timeline {
		assert.NotContains(t, h.Detail, "not noticed")
	}
	text, err := os.ReadFile(logFile(out, 1))
	require.NoError(t, err)
	assert.Positive(t, rep.Faults["disk full"])
	assert.Contains(t, string(text), syscall.EFBIG.Error())

	t.Run("for real", func(t *testing.T) {
		if rep.SmallDisk == 0 {
			t.Skip("no disk that can be filled: " + rep.NoSmallDisk)
		}
		assert.Positive(t, rep.Faults["no space"])
		assert.Contains(t, string(text), syscall.ENOSPC.Error())
		mounts, err := os.ReadFile("/proc/self/mounts")
		require.NoError(t, err)
		assert.NotContains(t, string(mounts), out, "the disk is gone, and was never seen here")
		assert.FileExists(t, filepath.Join(out, "n1", "quorate.yaml"), "what was on it is kept")
		segments, err := filepath.Glob(filepath.Join(out, "n1", "wal", "*.wal"))
		require.NoError(t, err)
		assert.NotEmpty(t, segments)
	})
}

// With a majority of healthy nodes nobody waits for the one that swallows
// everything. A dial in the wrong place would hold writes up for a second and more.
func TestBlackholeDelaysNobodyElse(t *testing.T) {
	stdout, stderr, code := quorate(t, "", "bench", "blackhole", "--for", "1s", "--clients", "4", "--json")
	require.Zero(t, code, stderr)
	var got blackholeStages
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	for _, l := range []latencies{got.Before, got.Onset, got.During, got.After} {
		assert.Greater(t, l.Writes, 20)
		assert.Zero(t, l.Failed, "%+v\n%s", got, stderr)
		assert.Less(t, time.Duration(l.P99Ns), 500*time.Millisecond)
	}
}

// A node's clock is wrong from its start on, and may be set while it runs.
func TestClockOffset(t *testing.T) {
	t.Setenv(asQuorate, "1")
	c, logs, err := loggedCluster(t.TempDir(), 1)
	require.NoError(t, err)
	defer logs.close()
	defer c.stop(stopBound)
	m := c.members[0]
	m.flags = tortureSettings
	m.clockOffset(-48 * time.Hour)
	require.NoError(t, c.start())
	ctx, cancel := context.WithTimeout(t.Context(), startBound)
	defer cancel()
	require.NoError(t, c.waitReady(ctx))
	conn, err := dialRESP(m.resp, time.Second)
	require.NoError(t, err)
	defer conn.close()
	written := func() time.Time {
		_, err := conn.do(time.Second, "SET", "k", "v")
		require.NoError(t, err)
		resp, err := http.Get("http://" + m.http + "/kv?key=k")
		require.NoError(t, err)
		defer resp.Body.Close()
		var got struct{ Ts int64 }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
		return time.UnixMilli(got.Ts)
	}
	assert.WithinDuration(t, time.Now().Add(-48*time.Hour), written(), time.Hour)

	for _, offset := range []time.Duration{72 * time.Hour, -365 * 24 * time.Hour, 0} {
		require.NoError(t, m.tell(fmt.Sprintf("%s %v", clockCommand, offset)))
		assert.Eventually(t, func() bool { return written().Sub(time.Now().Add(offset)).Abs() < time.Hour },
			startBound, time.Millisecond, "the clock never was off by %v", offset)
	}
	require.NoError(t, m.tell(clockCommand+" 1000000h"))
	require.NoError(t, m.tell("what"))
	require.NoError(t, m.tell(clockCommand+" 24h"))
	assert.Eventually(t, func() bool { return time.Until(written()) > 23*time.Hour }, startBound, time.Millisecond,
		"lines that can't be carried out stop nothing")
	assert.True(t, m.stop(stopBound), "the end of standard input still stops it")
}

// A node must not start from a log that rotted, and run when it is as it was.
func TestTortureBitRot(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	rep := runTorture(t, "--scenario", "pipelines", "--faults", "bit-rot", "--for", "5s", "--seed", "1", "--out", out)
	flipped := 0
	for _, h := range rep.Timeline {
		if strings.HasPrefix(h.Detail, "bit ") {
			text, err := os.ReadFile(logFile(out, h.Nodes[0]))
			require.NoError(t, err)
			assert.Contains(t, string(text), "is damaged")
			flipped++
		}
	}
	assert.Positive(t, flipped, "there was something cold to flip a bit of")
}

// Clocks that jump and drift while the cluster works change no answer.
func TestTortureClocks(t *testing.T) {
	rep := runTorture(t, "--faults", "clock", "--for", "5s", "--seed", "3")
	assert.Positive(t, rep.Faults["clock jump"])
	assert.Positive(t, rep.Faults["clock drift"])
}

// Buckets that are not strong: what they promise holds in a real cluster too.
func TestTortureBuckets(t *testing.T) {
	for scenario, want := range map[string]struct{ buckets, checks []string }{
		"abd":      {[]string{"abd"}, []string{"linearizable", "sessions", "staleness", "lost-writes", "convergence"}},
		"eventual": {[]string{"lww", "siblings", "counters"}, []string{"lost-writes", "sessions", "causality", "convergence"}},
	} {
		t.Run(scenario, func(t *testing.T) {
			rep := runTorture(t, "--scenario", scenario, "--faults", "kill,partition", "--for", "3s", "--seed", "2")
			for _, kind := range want.buckets {
				assert.Contains(t, strings.Join(rep.Buckets, "\n"), ": "+kind)
			}
			var names []string
			for _, c := range rep.Checks {
				names = append(names, c.Check)
				assert.Equal(t, checkKept, c.Verdict, "%+v", c)
				assert.Positive(t, c.Judged, "%+v", c)
			}
			assert.Equal(t, want.checks, names)
		})
	}
}
