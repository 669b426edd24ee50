#!/usr/bin/env bash
# Runs the same simulator seeds in two processes and compares everything but the
# wall time: trace hash, counts, verdict. The processes differ in how many cores
# they use, how many seeds run at a time, and in which order: the first runs one
# after the other, the second four at a time from the last to the first.
# Where they differ, it shows the first event that does.
#   scripts/determinism.sh [FIRST..LAST [FIRST..LAST]]    (QUORATE=bin/quorate)
# The first range is of the default scenario, the second one of every other.
set -euo pipefail
cd "$(dirname "$0")/.."

quorate=${QUORATE:-bin/quorate}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

one() { GOMAXPROCS=1 "$quorate" sim --scenario "$scenario" "$@"; }
two() { GOMAXPROCS=4 "$quorate" sim --scenario "$scenario" "$@"; }

# outcomes one|two, then flags: an object per seed, without times, in order of
# seeds. Sets code to how the process ended.
outcomes() {
  local process=$1 got
  shift
  code=0
  "$process" --seeds "$seeds" --json "$@" >"$work/$process.json" 2>"$work/$process.err" || code=$?
  if ! got=$(grep -c '"trace_hash":"[0-9a-f]\{1,\}"' "$work/$process.json") || [ "$got" -ne "$want" ]; then
    cat "$work/$process.err" >&2
    echo "determinism: $got trace hashes for $want seeds, code $code: quorate sim --scenario $scenario --seeds $seeds $*" >&2
    exit 1
  fi
  sed 's/"wall_ns":[0-9]*/"wall_ns":0/' "$work/$process.json" | sort -t: -k2,2n >"$work/$process.cmp"
}

compare() { # SCENARIO FIRST..LAST
  scenario=$1 seeds=$2
  first=${seeds%%..*} last=${seeds##*..}
  want=$((last - first + 1))
  outcomes one -j 1
  outcomes two -j 4 --reverse
  if cmp -s "$work/one.cmp" "$work/two.cmp"; then
    [ "$code" -ne 0 ] || return 0
    grep -v '"verdict":"ok"' "$work/one.cmp" | head -n 5 | cut -c1-400 >&2 || true
    echo "determinism: equal runs, but not all are ok: quorate sim --scenario $scenario --seeds $seeds" >&2
    exit "$code"
  fi
  {
    diff "$work/one.cmp" "$work/two.cmp" >"$work/diff" || true
    echo "determinism: the same seed gave two different runs, in scenario $scenario:"
    cut -c1-400 "$work/diff" | sed -n 1,4p
    for seed in $(sed -n 's/^[<>] {"seed":\([0-9]*\),.*/\1/p' "$work/diff" | sort -nu | sed -n 1,5p); do
      differ && break
    done || echo "determinism: what differs is what was made of the events, or is rare"
  } >&2
  exit 1
}

# differ finds the first event at which two runs of $seed part ways, if it can. It
# looks in processes of its own first; then, if state is carried from one seed to
# the next, among as few other seeds as will do; then among seeds at the same time.
differ() {
  local try near
  for try in 1 2 3; do
    trace one alone --seed "$seed"
    trace two again --seed "$seed"
    parted alone again && return
  done
  echo "determinism: seed $seed alone gave $try equal pairs of runs; looking among other seeds of the same process"
  for ((near = 1; ; near *= 2)); do
    among $((seed - near < first ? first : seed - near)) "$seed" && return
    among "$seed" $((seed + near > last ? last : seed + near)) --reverse && return
    ((near <= last - first)) || break
  done
  for try in 1 2 3 4 5; do
    trace two among --seeds "$seeds" -j 4 --reverse --trace-of "$seed"
    if parted alone among; then
      shared "--seeds $seeds -j 4 --reverse"
      return
    fi
  done
  echo "determinism: the traces of seed $seed are equal, alone and among others"
  return 1
}

# among FROM TO [--reverse]: whether a seed at the end of others runs as it does alone.
among() {
  [ "$1" -lt "$2" ] || return 1
  trace one among --seeds "$1..$2" -j 1 --trace-of "$seed" "${@:3}"
  parted alone among || return 1
  shared "--seeds $1..$2 -j 1${3:+ $3}"
}

# shared FLAGS: what it means that a seed runs otherwise alone than among these.
shared() {
  echo "  alone: quorate sim --scenario $scenario --seed $seed --trace FILE"
  echo "  among: quorate sim --scenario $scenario $1 --trace-of $seed --trace FILE"
  echo "  State is carried between the seeds of a process: something outlives a run, or is shared by runs at the same time."
}

trace() { # one|two NAME, then flags
  local process=$1 name=$2
  shift 2
  rm -f "$work/$name.trace"
  "$process" "$@" --trace "$work/$name.trace" >/dev/null 2>&1 || true
  [ -s "$work/$name.trace" ] || { echo "determinism: no trace from quorate sim $*"; exit 1; }
}

# parted NAME NAME: shows where two traces part, if they do.
parted() {
  local a=$work/$1.trace b=$work/$2.trace at
  cmp -s "$a" "$b" && return 1
  at=$(awk 'NR == FNR { one[n = NR] = $0; next }
    FNR > n || one[FNR] != $0 { print FNR; found = 1; exit }
    END { if (!found) print FNR + 1 }' "$a" "$b")
  echo "determinism: seed $seed, the traces part at line $at$(event "$a" "$b" "$at"):"
  [ "$at" -eq 1 ] || sed -n "$((at > 3 ? at - 3 : 1)),$((at - 1))s/^/  both   /p" "$a" | cut -c1-300
  sed -n "${at}s/^/  $(printf %-6s "$1") /p" "$a" | cut -c1-300
  sed -n "${at}s/^/  $(printf %-6s "$2") /p" "$b" | cut -c1-300
}

# event TRACE TRACE LINE: the number of the event that a line is of. Where only
# the hash differs it may have been an earlier one that has no line.
event() {
  local before here
  before=$(sed -n "1,$(($3 - 1))s/.*\"event\":\([0-9]*\).*/\1/p" "$1" | tail -n 1)
  here=$(sed -n "$3s/.*\"event\":\([0-9]*\).*/\1/p" "$1")
  if [ "$(sed -n "$3s/\"hash\":\"[^\"]*\"//p" "$1")" = "$(sed -n "$3s/\"hash\":\"[^\"]*\"//p" "$2")" ] &&
    [ "${here:-0}" -gt $((${before:-0} + 1)) ]; then
    echo ", in one of the events $((${before:-0} + 1)) to $here"
  else
    echo ", in event ${here:-0}"
  fi
}

compare default "${1:-1..200}"
echo "determinism: $want seeds of scenario default gave equal runs in two processes"
others=0
for name in $("$quorate" sim --scenario help | sed '/^$/,$d; s/ .*//'); do
  [ "$name" = default ] || { compare "$name" "${2:-1..20}"; others=$((others + 1)); }
done
echo "determinism: $want seeds of each of $others other scenarios gave equal runs in two processes"
