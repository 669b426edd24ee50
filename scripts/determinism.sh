#!/usr/bin/env bash
# Runs the same simulator seeds in two processes that differ in how many cores
# they use, and compares everything but the wall time: trace hash, counts, verdict.
#   scripts/determinism.sh [FIRST..LAST]
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-1..200}
want=$((${seeds##*..} - ${seeds%%..*} + 1))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

simulate() { # NAME, then flags
  local name=$1 code=0
  shift
  bin/quorate sim --seeds "$seeds" --json "$@" >"$work/$name.json" 2>"$work/$name.err" || code=$?
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

GOMAXPROCS=1 simulate one -j 1
simulate two
if ! cmp -s "$work/one.cmp" "$work/two.cmp"; then
  echo "determinism: the same seed gave two different runs:" >&2
  diff "$work/one.cmp" "$work/two.cmp" | cut -c1-400 | head -n 8 >&2
  exit 1
fi
echo "determinism: $want seeds gave equal runs in two processes"
