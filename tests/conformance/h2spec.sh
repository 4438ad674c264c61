#!/usr/bin/env bash
# Runs h2spec whole, strict cases too, against the gateway in cleartext and over TLS. Fails when a case does that
# h2spec/expected_failures.toml does not list, and when one that it lists passes.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/conformance/serve.sh
go -C tests/conformance/h2spec build -o "$work/h2spec" github.com/summerwind/h2spec/cmd/h2spec

status=0
run() { # CONNECTION OPTIONS…
  # It says by its exit code whether a case failed, which the verdict knows better.
  "$work/h2spec" --strict --host 127.0.0.1 --path /healthz --timeout 5 --junit-report "$work/report.xml" "${@:2}" \
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
