# Sourced: starts the interop services, and ends them with the script. Sets `port`, `tls_port`, `server_pid` and `work`, a
# directory for the script's files with authority.pem in it.
python="${PYTHON:-.venv/bin/python}"

work="$(mktemp -d)"
coproc SERVER { exec "$python" -m tests.conformance.interop.server "$work"; }
server_pid="$SERVER_PID"
trap 'kill "$server_pid" 2>/dev/null || true; wait "$server_pid" 2>/dev/null || true; rm -rf "$work"' EXIT
read -r port tls_port <&"${SERVER[0]}"
