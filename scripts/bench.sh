#!/usr/bin/env bash
# Measures Quorate beside redis-server with the same redis-benchmark flags in the
# same run, strong keys and eventual ones, then processor time per operation, failover and
# memory. Four to six minutes on two cores.
#   scripts/bench.sh                           prints the tables
#   OUT=docs/performance.md scripts/bench.sh   also puts them between that file's marks
#   ONLY="throughput eventual cpu failover memory"   a part of it; REPEAT=3 rounds
set -euo pipefail
cd "$(dirname "$0")/.."

REPEAT=${REPEAT:-3}
ONLY=${ONLY:-throughput eventual cpu failover memory}
OUT=${OUT:-}
# Spare ports: node i of a cluster has each base + i - 1.
REDIS_PORT=${REDIS_PORT:-16379}
THREE_PORT=${THREE_PORT:-17379}
ONE_PORT=${ONE_PORT:-17479}
KEYS=100000 # random keys of a throughput test

bin=bin/quorate
mkdir -p out
dir=$(mktemp -d out/bench.XXXXXX) # on the disk of the working tree: /tmp may be memory
pids=()

cleanup() {
  local code=$?
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  [ "$code" -eq 0 ] && rm -rf "$dir" || echo "logs are in $dir" >&2
}
trap cleanup EXIT
trap 'exit 130' INT TERM

need() {
  command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null && return
  echo "redis-server and redis-benchmark are missing." >&2
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Install them (Debian: apt-get install redis-server redis-tools) and run this again." >&2
    exit 1
  fi
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends redis-server redis-tools >&2
}

start_redis() { # APPENDFSYNC
  rm -rf "$dir/redis"
  mkdir "$dir/redis"
  redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$PWD/$dir/redis" --save "" \
    --appendonly yes --appendfsync "$1" >"$dir/redis.log" 2>&1 &
  pids+=($!)
  for ((i = 0; i < 50; i++)); do
    redis-cli -p "$REDIS_PORT" PING 2>/dev/null | grep -q PONG && return
    sleep 0.1
  done
  cat "$dir/redis.log" >&2
  exit 1
}

start_quorate() { # NAME NODES PORT
  "$bin" dev --nodes "$2" --data "$dir/$1" --resp-port "$3" --http-port "$(($3 + 1000))" --peer-port "$(($3 + 2000))" \
    >"$dir/$1.log" 2>&1 </dev/null &
  local pid=$!
  pids+=("$pid")
  for ((i = 0; i < 300; i++)); do
    grep -qs '^ready' "$dir/$1.log" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$dir/$1.log" >&2
  exit 1
}

# One run of redis-benchmark; prints requests per second.
measure() { # PORT TEST N FLAGS...
  local port=$1 test=$2 n=$3
  shift 3
  timeout 60 redis-benchmark -h 127.0.0.1 -p "$port" -t "$test" -n "$n" -r "$KEYS" -d 100 --csv "$@" 2>"$dir/redis-benchmark.err" |
    awk -F '","' 'NR == 2 { print int($2); found = 1 } END { exit !found }' || {
    cat "$dir/redis-benchmark.err" >&2
    echo "redis-benchmark -p $port -t $test $* gave no result" >&2
    exit 1
  }
}

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

table() { tee -a "$dir/table.md"; }

throughput() {
  start_redis always
  start_quorate three 3 "$THREE_PORT"
  start_quorate one 1 "$ONE_PORT"
  local names=("SET, -c 50 -P 16" "GET, -c 50 -P 16" "SET, -c 50" "GET, -c 50")
  local tests=(set get set get) counts=(200000 200000 50000 50000)
  local flags=("-c 50 -P 16" "-c 50 -P 16" "-c 50" "-c 50")
  local targets=("0.40 / 0.70" "0.30 / 0.40" "0.35 / 0.70" "0.35 / 0.70")
  local round i system port
  for ((round = 1; round <= REPEAT; round++)); do
    for i in "${!names[@]}"; do
      for system in "redis:$REDIS_PORT" "three:$THREE_PORT" "one:$ONE_PORT"; do
        port=${system#*:}
        # shellcheck disable=SC2086 # the flags are several words
        measure "$port" "${tests[i]}" "${counts[i]}" ${flags[i]} >>"$dir/${system%:*}.$i"
      done
    done
    echo "round $round of $REPEAT done" >&2
  done
  {
    echo "| redis-benchmark -d 100 -r $KEYS | Redis, appendfsync always | 3 nodes | ratio | 1 node | ratio | wanted (3 / 1) |"
    echo "|---|--:|--:|--:|--:|--:|--:|"
    for i in "${!names[@]}"; do
      local r t o
      r=$(median <"$dir/redis.$i") t=$(median <"$dir/three.$i") o=$(median <"$dir/one.$i")
      awk -v n="${names[i]}" -v r="$r" -v t="$t" -v o="$o" -v w="${targets[i]}" \
        'BEGIN { printf "| %s | %d/s | %d/s | %.2f | %d/s | %.2f | %s |\n", n, r, t, t / r, o, o / r, w }'
    done
    echo
    echo "Medians of $REPEAT interleaved rounds."
    echo
  } | table
  kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
}

# An eventual bucket with R=W=1 and the log synced once a second, beside Redis with
# appendfsync everysec. redis-benchmark knows databases by number: that of the
# bucket's slot, which is 1 for the first one.
eventual() {
  start_redis everysec
  QUORATE_WAL_SYNC=interval=1s start_quorate eventual 3 "$THREE_PORT"
  "$bin" ctl --addr "http://127.0.0.1:$((THREE_PORT + 1000))" bucket create bench --mode eventual --n 3 --r 1 --w 1 --policy lww >/dev/null
  local names=("SET, -c 50 -P 16" "GET, -c 50 -P 16" "SET, -c 50" "GET, -c 50")
  local tests=(set get set get) counts=(400000 400000 50000 50000)
  local flags=("-c 50 -P 16" "-c 50 -P 16" "-c 50" "-c 50")
  local round i
  for ((round = 1; round <= REPEAT; round++)); do
    for i in "${!names[@]}"; do
      # shellcheck disable=SC2086 # the flags are several words
      measure "$REDIS_PORT" "${tests[i]}" "${counts[i]}" ${flags[i]} >>"$dir/everysec.$i"
      # shellcheck disable=SC2086
      measure "$THREE_PORT" "${tests[i]}" "${counts[i]}" ${flags[i]} --dbnum 1 >>"$dir/eventual.$i"
    done
    echo "eventual: round $round of $REPEAT done" >&2
  done
  {
    echo "| redis-benchmark -d 100 -r $KEYS | Redis, appendfsync everysec | 3 nodes, eventual, R=W=1, sync interval | ratio | wanted |"
    echo "|---|--:|--:|--:|--:|"
    for i in "${!names[@]}"; do
      local r e wanted=0.50
      [ "$i" -lt 2 ] || wanted=-
      r=$(median <"$dir/everysec.$i") e=$(median <"$dir/eventual.$i")
      awk -v n="${names[i]}" -v r="$r" -v e="$e" -v w="$wanted" 'BEGIN { printf "| %s | %d/s | %d/s | %.2f | %s |\n", n, r, e, e / r, w }'
    done
    echo
    echo "Medians of $REPEAT interleaved rounds; bucket \`--n 3 --r 1 --w 1 --policy lww\`, \`wal.sync: interval=1s\`."
    echo
  } | table
  kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
}

# A command's own words, as a block.
block() {
  local name=$1
  shift
  "$@" >"$dir/$name.txt" || { cat "$dir/$name.txt" >&2; exit 1; }
  { echo "\`${*/$bin/quorate}\`"; echo; echo '```'; cat "$dir/$name.txt"; echo '```'; echo; } | table
}

need
[ -x "$bin" ] || { echo "$bin is missing: make build" >&2; exit 1; }
{
  echo "$(date -u +%Y-%m-%d), $("$bin" version), $(nproc) cores, $(redis-server --version | awk '{ print $1, $2, $3 }')"
  echo
} | table
for part in $ONLY; do
  case $part in
    throughput) throughput ;;
    eventual) eventual ;;
    cpu) block cpu timeout 180 "$bin" bench cpu ;;
    failover) block failover timeout 120 "$bin" bench failover ;;
    memory) block memory timeout 180 "$bin" bench memory ;;
    *) echo "ONLY: unknown part $part: use throughput, eventual, cpu, failover, memory" >&2; exit 2 ;;
  esac
done

if [ -n "$OUT" ]; then
  grep -q '<!-- latest -->' "$OUT" && grep -q '<!-- end of latest -->' "$OUT" || { echo "$OUT has no marks <!-- latest --> and <!-- end of latest -->" >&2; exit 1; }
  awk -v new="$dir/table.md" '
    /<!-- end of latest -->/ { skip = 0 }
    !skip { print }
    /<!-- latest -->/ { print ""; while ((getline line < new) > 0) print line; skip = 1 }' "$OUT" >"$dir/out.md"
  cp "$dir/out.md" "$OUT"
  echo "wrote $OUT" >&2
fi
