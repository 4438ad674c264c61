#!/usr/bin/env bash
# Runs grpc-go's interop client against the gateway, in cleartext and over TLS: every case that needs none of Google's
# credentials. Arguments are the cases to run instead (`interop.sh ping_pong`).
set -euo pipefail
cd "$(dirname "$0")/../.."

client=google.golang.org/grpc/interop/client@v1.85.0
cases=(
  empty_unary large_unary client_streaming server_streaming ping_pong empty_stream
  cancel_after_begin cancel_after_first_response timeout_on_sleeping_server
  custom_metadata status_code_and_message special_status_message unimplemented_method unimplemented_service
  pick_first_unary rpc_soak channel_soak orca_per_rpc orca_oob
)
if (($#)); then
  cases=("$@")
fi

. tests/conformance/serve.sh
GOBIN="$work" go install "$client"

failed=0
run() { # NAME CASE OPTIONS…
  local name="$1 $2" options=("${@:3}")
  case "$2" in
    # A shared machine may take its time.
    *_soak) options+=(--soak_iterations 50 --soak_overall_timeout_seconds 120 --soak_per_iteration_max_acceptable_latency_ms 10000) ;;
    orca_*) options+=(--service_config_json '{"loadBalancingConfig": [{"test_backend_metrics_load_balancer": {}}]}') ;;
  esac
  if timeout 150 "$work/client" --test_case "$2" "${options[@]}" >"$work/output" 2>&1; then
    echo "passed: $name"
  else
    echo "FAILED: $name"
    sed 's/^/  /' "$work/output"
    failed=$((failed + 1))
  fi
}
for case in "${cases[@]}"; do
  run cleartext "$case" --server_host 127.0.0.1 --server_port "$port"
  run TLS "$case" --server_host 127.0.0.1 --server_port "$tls_port" --use_tls --use_test_ca --ca_file "$work/authority.pem"
done
echo "interop: $((2 * ${#cases[@]} - failed)) passed, $failed failed"
((failed == 0))
