#!/usr/bin/env bash
# Simulated events per second on one core, checks included.
#   scripts/bench-sim.sh [FIRST..LAST]
set -euo pipefail
cd "$(dirname "$0")/.."

GOMAXPROCS=1 bin/quorate sim --seeds "${1:-1..200}" -j 1 --invariants every --json | awk '
  function field(name) {
    if (!match($0, "\"" name "\":[0-9]+")) { print "bench-sim: no " name " in: " substr($0, 1, 200) > "/dev/stderr"; bad = 1; exit 1 }
    return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
  }
  { seeds++; events += field("events"); ns = field("wall_ns") + 0; wall += ns; if (ns > worst) worst = ns }
  END {
    if (bad || !wall) exit 1
    printf "%d seeds, %d events, %.2f s: %.0f events/s; a seed costs %.1f ms in the mean, %.1f ms at most\n",
      seeds, events, wall / 1e9, events / wall * 1e9, wall / seeds / 1e6, worst / 1e6
  }'
