#!/usr/bin/env bash
# Loads the gateway for some minutes (`endurance.sh 10`) by h2load and wrk at once, and fails on any error that they or
# the gateway saw. It also says how the server's memory grew. Needs h2load (Debian: nghttp2-client), wrk and curl.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=$((${1:?how many minutes} * 60))
. tests/conformance/serve.sh

# The empty message, as gRPC frames it and as Connect's JSON.
printf '\0\0\0\0\0' >"$work/empty.grpc"
printf '{}' >"$work/empty.json"
cat >"$work/connect.lua" <<'LUA'
wrk.method = "POST"
wrk.body = "{}"
wrk.headers["content-type"] = "application/json"
LUA
call=/grpc.testing.TestService/EmptyCall

memory() {
  awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$server_pid/status"
}
load_h2() { # URL BODY CONTENT-TYPE
  h2load --duration "$seconds" --clients 8 --max-concurrent-streams 32 --data "$2" \
    --header "content-type: $3" --header 'te: trailers' "$1$call"
}
load_h1() {
  wrk --threads 1 --connections 32 --duration "${seconds}s" --timeout 30s --script "$work/connect.lua" "$1$call"
}

declare -A loads
load() { # NAME COMMAND…
  "${@:2}" >"$work/$1.out" 2>&1 &
  loads["$1"]=$!
}
load gRPC load_h2 "http://127.0.0.1:$port" "$work/empty.grpc" application/grpc
load gRPC-TLS load_h2 "https://127.0.0.1:$tls_port" "$work/empty.grpc" application/grpc
load Connect-h2 load_h2 "http://127.0.0.1:$port" "$work/empty.json" application/json
load Connect-h1 load_h1 "http://127.0.0.1:$port"

sleep 10 # caches and pools fill in the first seconds
before="$(memory)"
status=0
for name in "${!loads[@]}"; do
  wait "${loads[$name]}" || {
    echo "FAILED: $name ended with $?"
    status=1
  }
  echo "$name"
  grep -E '^(finished in|requests:|status codes:)|requests in|Requests/sec|Socket errors|Non-2xx' "$work/$name.out" | sed 's/^ */  /'
  # h2load counts what failed, wrk names it only where it did.
  if grep -qE '[1-9][0-9]* (failed|errored|timeout|3xx|4xx|5xx)|Socket errors|Non-2xx' "$work/$name.out"; then
    echo "FAILED: $name"
    status=1
  fi
done

# The generators leave what is in flight at their end, which is CANCELLED.
codes="$(curl --silent --show-error "http://127.0.0.1:$port/codes")"
echo "how the calls ended:" $codes
if grep -qvE '^(OK|CANCELLED) ' <<<"$codes"; then
  echo "FAILED: calls that ended otherwise"
  status=1
fi
echo "memory of the server: $before MB after 10 s, $(memory) MB at the end"
exit "$status"
