#!/usr/bin/env bash
# Runs h2spec whole, strict cases too, against the gateway in cleartext and over TLS. Fails when a case does that
# h2spec/expected_failures.toml does not list, and when one that it lists passes.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/conformance/serve.sh
go -C tests/conformance/h2spec build -o "$work/h2spec" github.com/summerwind/h2spec/cmd/h2spec

status=0
run() { # CONNECTION OPTIONS…
  # The page reads a request to its end and takes its time: an earlier answer may come before what h2spec sends next, and
  # closes the stream that this was for. The timeout is below the five seconds after which the gateway closes a connection without a call.
  # h2spec says by its exit code whether a case failed, which the verdict knows better.
  "$work/h2spec" --strict --host 127.0.0.1 --path /page --timeout 2 --junit-report "$work/report.xml" "${@:2}" \
    >"$work/output" || true
  "$python" -m tests.conformance.h2spec.verdict "$1" "$work/report.xml" || {
    status=1
    sed -n '/^Failures:/,$p' "$work/output"
  }
  rm "$work/report.xml"
}
run cleartext --port "$port"
run tls --port "$tls_port" --tls --insecure
exit "$status"
