#!/usr/bin/env bash
# Starts `quorate dev` in the background, or stops exactly the one it started.
#   scripts/cluster.sh start [flags of quorate dev]
#   scripts/cluster.sh stop
set -euo pipefail
cd "$(dirname "$0")/.."

pidfile=data/cluster.pid   # process id, then when it started
log=data/cluster.log
ready_s=60                 # how long a start may take
stop_s=30                  # how long a stop may take

# A process id may be used again after a reboot; with its start it names one process.
# One that is dead and not yet collected by its parent (state Z) has no start any more.
started() {
  if [ -r "/proc/$1/stat" ]; then
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }' # starttime, ticks since boot; proc(5)
  elif [ ! -d /proc/self ]; then
    LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null | xargs
  fi || true
}

running() { # prints the process id if the process of the pid file is alive
  [ -f "$pidfile" ] || return 1
  local pid when
  { read -r pid; read -r when; } <"$pidfile" || return 1
  [ -n "$pid" ] && [ -n "$when" ] && [ "$(started "$pid")" = "$when" ] && echo "$pid"
}

start() {
  local pid
  mkdir -p data
  if pid=$(running); then
    echo "The cluster is running already (process $pid); its log is $log." >&2
    exit 1
  fi
  nohup bin/quorate dev --stop-hint "make stop-cluster stops them" "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  { echo "$pid"; started "$pid"; } >"$pidfile"
  for ((tenths = 0; tenths < ready_s * 10; tenths += 2)); do
    if grep -q '^ready' "$log"; then
      cat "$log"
      echo "Running in the background as process $pid; log: $log"
      return
    fi
    if ! running >/dev/null; then
      cat "$log" >&2
      echo "The cluster ended before it was ready." >&2
      rm -f "$pidfile"
      exit 1
    fi
    sleep 0.2
  done
  tail -n 20 "$log" >&2
  echo "The cluster was not ready after ${ready_s} s; stopping it. The log is $log." >&2
  stop
  exit 1
}

stop() {
  local pid
  if ! pid=$(running); then
    rm -f "$pidfile"
    echo "No cluster of make run-cluster is running."
    return
  fi
  kill -TERM "$pid"
  for ((tenths = 0; tenths < stop_s * 10; tenths += 2)); do
    if ! running >/dev/null; then
      rm -f "$pidfile"
      echo "Stopped process $pid."
      return
    fi
    sleep 0.2
  done
  echo "Process $pid has not stopped after ${stop_s} s; its log is $log." >&2
  exit 1
}

case "${1:-}" in
  start) shift; start "$@" ;;
  stop) stop ;;
  *) echo "usage: $0 start [flags of quorate dev] | stop" >&2; exit 2 ;;
esac
