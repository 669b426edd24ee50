#!/usr/bin/env bash
# Runs the same simulator seeds in two processes that differ in how many cores
# they use, and compares everything but the wall time: trace hash, counts, verdict.
# Where they differ, it shows the first event that does.
#   scripts/determinism.sh [FIRST..LAST]      (QUORATE=bin/quorate)
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-1..200}
quorate=${QUORATE:-bin/quorate}
want=$((${seeds##*..} - ${seeds%%..*} + 1))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

simulate() { # NAME, then flags
  local name=$1 code=0
  shift
  "$quorate" sim --seeds "$seeds" --json "$@" >"$work/$name.json" 2>"$work/$name.err" || code=$?
  if [ "$code" -ne 0 ]; then
    cat "$work/$name.err" >&2
    grep -v '"verdict":"ok"' "$work/$name.json" | head -n 5 >&2 || true
    echo "determinism: quorate sim --seeds $seeds ended with code $code" >&2
    exit "$code"
  fi
  if ! got=$(grep -c '"trace_hash":"[0-9a-f]\{1,\}"' "$work/$name.json") || [ "$got" -ne "$want" ]; then
    echo "determinism: $got trace hashes for $want seeds" >&2
    exit 1
  fi
  sed 's/"wall_ns":[0-9]*/"wall_ns":0/' "$work/$name.json" >"$work/$name.cmp"
}

# differ SEED: finds the first event at which two processes part ways.
differ() {
  local seed=$1 try at
  for try in $(seq 10); do
    GOMAXPROCS=1 "$quorate" sim --seed "$seed" --trace "$work/one.trace" >/dev/null 2>&1 || true
    "$quorate" sim --seed "$seed" --trace "$work/two.trace" >/dev/null 2>&1 || true
    cmp -s "$work/one.trace" "$work/two.trace" && continue
    at=$(awk 'NR == FNR { one[n = NR] = $0; next }
      FNR > n || one[FNR] != $0 { print FNR; found = 1; exit }
      END { if (!found) print FNR + 1 }' "$work/one.trace" "$work/two.trace")
    echo "determinism: seed $seed, the traces part at event $at (quorate sim --seed $seed --trace FILE):"
    [ "$at" -eq 1 ] || sed -n "$((at > 3 ? at - 3 : 1)),$((at - 1))s/^/  both  /p" "$work/one.trace" | cut -c1-300
    sed -n "${at}s/^/  one   /p" "$work/one.trace" | cut -c1-300
    sed -n "${at}s/^/  two   /p" "$work/two.trace" | cut -c1-300
    echo "  (hash is of all events so far: if it alone differs, an event between the last two lines does)"
    return
  done
  echo "determinism: seed $seed alone gave $try equal pairs of traces; what differs is not in it, or is rare"
}

GOMAXPROCS=1 simulate one -j 1
simulate two
if ! cmp -s "$work/one.cmp" "$work/two.cmp"; then
  echo "determinism: the same seed gave two different runs:" >&2
  { diff "$work/one.cmp" "$work/two.cmp" || true; } | cut -c1-400 | sed -n 1,4p >&2
  seed=$({ diff "$work/one.cmp" "$work/two.cmp" || true; } | sed -n 's/^[<>] {"seed":\([0-9]*\),.*/\1/p' | sed -n 1p)
  differ "$seed" >&2
  exit 1
fi
echo "determinism: $want seeds gave equal runs in two processes"
