# `make help` lists the targets. Everything is installed into .venv; nothing else of the machine is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := server tests bench proto/generate.py

.DEFAULT_GOAL := help
.PHONY: help setup run generate format lint type test test-fast fresh cover check conformance terraform fuzz envoy envoy-ext-proc bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "actiond needs Python 3.11 or later; try make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

# What serving needs. A newcomer's `make run` installs no more than this.
$(VENV)/.run: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[server]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.run

setup: $(VENV)/.dev ## Install everything that developing needs

run: $(VENV)/.run ## Install and serve: gRPC on 127.0.0.1:50051, HTTP on 127.0.0.1:8080, data in ./data; targets may be on this machine
	@exec $(BIN)/actiond serve --allow-address 127.0.0.0/8 ::1

generate: $(VENV)/.dev ## Write generated/ from proto/
	$(BIN)/python proto/generate.py generated

format: $(VENV)/.dev ## Format the sources
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix --quiet $(SOURCES) || true

lint: $(VENV)/.dev ## Check format, lint and import contracts
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	PYTHONPATH=server:generated $(BIN)/lint-imports

type: $(VENV)/.dev ## Check types, strictly
	$(BIN)/mypy

test: $(VENV)/.dev ## Run the whole test suite
	$(BIN)/python -m pytest

# The tests that find most errors in little time: the domain, the runner, the converters, the codec and the routes, the
# store contract in memory, logs, settings, commands, and parity over JSON alone. Each property is tried with a tenth of
# the examples.
FAST := tests/harness tests/actions tests/api tests/rpcfront/transcoding tests/storage/test_memory.py \
	tests/process/test_settings.py tests/process/test_commands.py tests/executions/test_runner.py \
	tests/executions/test_plan_cache.py tests/telemetry tests/parity/test_parity.py

test-fast: $(VENV)/.dev ## Run the fast tests, in less than 30 seconds
	$(BIN)/python -m pytest -m 'not slow' --hypothesis-profile=fast $(FAST)

fresh: $(VENV)/.dev
	$(BIN)/python proto/generate.py build/generated
	diff --recursive --exclude=__pycache__ generated build/generated

cover: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --cov --cov-fail-under=95

check: lint type fresh cover ## What CI runs: format, lint, contracts, types, freshness of generated/, tests, coverage

conformance: $(VENV)/.dev ## Run Connect's conformance suite, h2spec and grpc-go's interop client against rpcfront; needs Go
	tests/conformance/run.sh
	FACE=asgi tests/conformance/run.sh --run '**/HTTPVersion:1/**/TLS:false/**'
	tests/conformance/h2spec.sh
	tests/conformance/interop.sh

# PROVIDER: a built terraform-provider-zitadel, which no package registry has. TERRAFORM: tofu or terraform.
TERRAFORM ?= tofu
terraform: $(VENV)/.dev ## Check that PROVIDER, ZITADEL's Terraform provider, manages targets and executions
	$(BIN)/python -m tests.real_clients.sdk.terraform "$(PROVIDER)" --command "$(TERRAFORM)"

fuzz: $(VENV)/.dev ## Fuzz every protocol with 100,000 malformed inputs
	$(BIN)/python -m tests.fuzz

envoy: $(VENV)/.dev ## Run Envoy on 127.0.0.1:8090 in front of a running actiond
	@exec $(BIN)/envoy --config-path envoy.yaml --concurrency 1

# DESCRIPTOR_SET: the service's, as protoc --include_imports --descriptor_set_out writes it, for JSON clients.
envoy-ext-proc: $(VENV)/.dev ## Run Envoy on 127.0.0.1:8091 in front of a service on port 50052, whose calls actiond looks at
	@mkdir -p build
	@$(BIN)/actiond descriptors build/ext-proc.binpb $(addprefix --descriptor-set ,$(DESCRIPTOR_SET))
	@sed 's/services: \[\]/services: [$(SERVICES)]/' envoy-ext-proc.yaml >build/envoy-ext-proc.yaml
	@exec $(BIN)/envoy --config-path build/envoy-ext-proc.yaml --concurrency 1

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

bench: $(VENV)/.bench ## Measure requests/s, latency and CPU per call beside the bare limits and peers
	$(BIN)/python -m bench

clean: ## Remove what was installed and built; the data stays
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .coverage* tests/real_clients/web/node_modules tests/real_clients/web/build \
		tests/real_clients/sdk/npm/node_modules
