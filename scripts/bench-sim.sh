#!/usr/bin/env bash
# The simulator's speed on one core, checks included, per second of processor
# time, so that other load on the machine counts little.
#   scripts/bench-sim.sh [FIRST..LAST]
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-1..200}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# measure NAME FLAGS… prints a line of the table.
measure() {
  local name=$1 cpu TIMEFORMAT='%U %S'
  shift
  cpu=$({ time GOMAXPROCS=1 bin/quorate sim --seeds "$seeds" -j 1 --json "$@" >"$out"; } 2>&1)
  awk -v name="$name" -v cpu="$cpu" '
    function field(key) {
      if (!match($0, "\"" key "\":[0-9]+")) { print "bench-sim: no " key " in: " substr($0, 1, 200) > "/dev/stderr"; bad = 1; exit 1 }
      return substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
    }
    { seeds++; events += field("events"); virtual += field("virtual_ns"); ns[seeds] = field("wall_ns") + 0 }
    END {
      if (bad || !seeds) exit 1
      split(cpu, t, " "); seconds = t[1] + t[2]
      n = asort_(ns, seeds)
      printf "%-34s %9.0f events/s %8.0f virtual s/s   a seed: %.1f ms of processor, median %.1f and p99 %.1f ms of wall\n",
        name, events / seconds, virtual / 1e9 / seconds, seconds / seeds * 1e3, ns[int((n + 1) / 2)] / 1e6, ns[int(n * 0.99 + 0.5)] / 1e6
    }
    function asort_(a, n,   i, j, v) { # by insertion: a few hundred
      for (i = 2; i <= n; i++) { v = a[i]; for (j = i - 1; j > 0 && a[j] > v; j--) a[j + 1] = a[j]; a[j + 1] = v }
      return n
    }' "$out"
}

measure "default, invariants after each event"
measure "default, invariants at the end" --invariants end
measure "default, 5 nodes, N=3" --set topology.clusters=5x3
measure "idle, 5 nodes, N=3" --scenario idle --set topology.clusters=5x3 --set phases.safety=20s --invariants end
