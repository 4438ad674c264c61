#!/usr/bin/env bash
# Runs the Connect conformance suite against the gateway. Fails when a case does.
#
# Arguments are the suite's (`run.sh --trace --run 'Errors/**'`). FACE is what serves the gateway: its own server, or
# uvicorn, which has HTTP/1.1 without TLS: `FACE=asgi run.sh --run '**/HTTPVersion:1/**/TLS:false/**'`.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=connectrpc.com/conformance
version=v1.0.5

go mod download "$suite@$version"
protos="$(go list -m -f '{{.Dir}}' "$suite@$version")/proto"

flaky=()
if [[ ${FACE:-} == asgi ]]; then
  # uvicorn sends the head and the body of an answer apart, and the deadline of the suite's client, which is the
  # server's too, may fall between them.
  flaky=(--known-flaky 'Timeouts/**/Protocol:PROTOCOL_CONNECT/**')
fi

exec go run "$suite/cmd/connectconformance@$version" \
  --mode server \
  --conf tests/conformance/config.yaml \
  --parallel 4 \
  --max-servers 2 \
  "${flaky[@]}" "$@" \
  -- "${PYTHON:-.venv/bin/python}" -m tests.conformance.server --protos "$protos" --face "${FACE:-listener}"
