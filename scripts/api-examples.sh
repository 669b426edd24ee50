#!/usr/bin/env bash
# Talks to a running cluster (make run, or make run-cluster) through its HTTP and
# RESP front doors. Prints each command and its answer; fails if an answer is
# not what it should be.
#   HTTP=http://127.0.0.1:8080 RESP_PORT=7379 scripts/api-examples.sh
set -euo pipefail

HTTP=${HTTP:-http://127.0.0.1:8080}
RESP_HOST=${RESP_HOST:-127.0.0.1}
RESP_PORT=${RESP_PORT:-7379}
failed=0

section() { printf '\n== %s\n' "$1"; }

# example EXPECTED-REGEX COMMAND...: runs the command and shows it as one would type it.
example() {
  local expected=$1 answer
  shift
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  answer=$("$@" 2>&1) || true
  printf '%s\n' "$answer"
  if ! grep -qE -- "$expected" <<<"$answer"; then
    printf '   ^ expected something like: %s\n' "$expected" >&2
    failed=1
  fi
}

http() { example "$1" curl -sS --max-time 5 "${@:2}"; }

if ! curl -sS --max-time 5 -o /dev/null "$HTTP/healthz"; then
  echo "Nothing answers at $HTTP: start a cluster with make run, or set HTTP." >&2
  exit 1
fi

section "HTTP: /kv?key=, strings and JSON by content type"
http '' -X PUT "$HTTP/kv?key=mykey" -d myvalue
http '"found": ?true.*"value": ?"myvalue"' "$HTTP/kv?key=mykey"
http '' -X PUT "$HTTP/kv?key=user:123" -H 'Content-Type: application/json' -d '{"name":"Alice","age":30}'
http '"value": ?\{"name": ?"Alice"' "$HTTP/kv?key=user:123"
http '' -X DELETE "$HTTP/kv?key=mykey"
http '"found": ?false' "$HTTP/kv?key=mykey"

section "HTTP: where a key lives"
http '\{.*\}' "$HTTP/route?key=user:123"

section "HTTP: /api/v1"
http '' -X PUT "$HTTP/api/v1/kv/user1" -H 'Content-Type: application/json' -d '{"value":"Alice"}'
http '"value": ?"Alice"' "$HTTP/api/v1/kv/user1"
http '^HTTP/.* 412' -i -X PUT "$HTTP/api/v1/kv/user1" -H 'Content-Type: application/json' -H 'If-None-Match: *' -d '{"value":"Bob"}'
http '' -X DELETE "$HTTP/api/v1/kv/user1"
http '^HTTP/.* 404' -i "$HTTP/api/v1/kv/user1"

section "HTTP: compare and set by ETag"
curl -sS --max-time 5 -X PUT "$HTTP/api/v1/kv/seat" -H 'Content-Type: application/json' -d '{"value":"free"}' >/dev/null
etag=$(curl -sS --max-time 5 -D - -o /dev/null "$HTTP/api/v1/kv/seat" | tr -d '\r' | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
http '^HTTP/.* 20[0-9]' -i -X PUT "$HTTP/api/v1/kv/seat" -H 'Content-Type: application/json' -H "If-Match: $etag" -d '{"value":"mine"}'
http '^HTTP/.* 412' -i -X PUT "$HTTP/api/v1/kv/seat" -H 'Content-Type: application/json' -H "If-Match: $etag" -d '{"value":"too late"}'

section "HTTP: an eventual bucket, its siblings and their context"
curl -sS --max-time 5 -o /dev/null -X DELETE "$HTTP/api/v1/buckets/example-carts" || true
http '"mode":"eventual"' -X POST "$HTTP/api/v1/buckets" -d '{"name":"example-carts","mode":"eventual","r":"quorum","w":"quorum"}'
http '"promise"' "$HTTP/api/v1/buckets/example-carts"
carts=$HTTP/api/v1/buckets/example-carts/kv
http '"context"' -X PUT "$carts/anna?w=1" -d '{"value":"milk"}'
http '"siblings"' -X PUT "$carts/anna?w=all" -d '{"value":"bread"}'
http '^HTTP/.* 300' -i "$carts/anna?r=all"
context=$(curl -sS --max-time 5 "$carts/anna?r=all" | sed -n 's/.*"context":"\([^"]*\)".*/\1/p')
http '"ok":true' -X PUT "$carts/anna?w=all" -H "X-Quorate-Context: $context" -d '{"value":"milk, bread"}'
http '"value":"milk, bread"' "$carts/anna"
http '^HTTP/.* 422' -i -X PUT "$carts/anna" -H 'If-None-Match: *' -d '{"value":"no"}'
http '^HTTP/.* 404' -i "$HTTP/api/v1/buckets/example-none/kv/anna"
http '"w":1' -X PATCH "$HTTP/api/v1/buckets/example-carts" -d '{"w":1,"ttl":"1h"}'

section "HTTP: the cluster"
http '\{.*\}' "$HTTP/api/v1/cluster/health"
http '\{.*\}' "$HTTP/api/v1/cluster/stats"
http '\{.*\}' "$HTTP/api/v1/admin/stats"
example 'quorate_wal_syncs_total' bash -c "curl -sS --max-time 5 $HTTP/metrics | grep ^quorate_ | grep -v _bucket"

section "RESP: any Redis client"
if command -v redis-cli >/dev/null; then
  redis() { example "$1" redis-cli -h "$RESP_HOST" -p "$RESP_PORT" "${@:2}"; }
  redis '^PONG$' PING
  redis '^OK$' SET greeting hello
  redis '^hello$' GET greeting
  redis '^1$' CAS greeting hello bye
  redis '^0$' CAS greeting hello again
  redis '^[0-9]' DEL greeting counter
  redis '^1$' INCR counter
  redis '^11$' INCRBY counter 10
  redis '^OK$' MSET a 1 b 2
  redis '2' MGET a b
  slot=$(curl -sS --max-time 5 "$HTTP/api/v1/buckets/example-carts" | sed -n 's/.*"slot":\([0-9]*\).*/\1/p')
  redis '^milk, bread$' -n "$slot" GET anna
  redis 'milk, bread' -n "$slot" CGET anna R 1
else
  echo "redis-cli is not installed (Debian: apt-get install redis-tools): its examples are skipped."
fi

section "HTTP: the bucket goes again"
http '"dropped":true' -X DELETE "$HTTP/api/v1/buckets/example-carts"

exit "$failed"
