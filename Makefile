# Everything a developer does, in one place. `make` alone lists the targets.
#
# Variables that may be set on the command line or in the environment:
#   PYTHON   the interpreter the virtual environment is made with (3.11 or newer)
#   VENV     where the virtual environment lies
#   UP       options for `gateway-ext up`, e.g. make run UP="--port 9000"
#   TESTS    what pytest is given, e.g. make test TESTS="tests/unit -k guard"
#   BENCH    options for `python -m benchmarks.contest`, e.g. make bench BENCH="--quick"
#   SOAK     options for `python -m benchmarks.soak`, e.g. make soak SOAK="--minutes 60"
#   ACCURACY options for `gateway-ext guard bench`, e.g. make accuracy ACCURACY="--data DIR"

PYTHON ?= python3
VENV ?= .venv
UP ?=
TESTS ?=
ACCURACY ?=
BENCH ?=
SOAK ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PROTOS := $(wildcard proto/gateway_ext/wire/*.proto)
GENERATED := $(PROTOS:proto/%.proto=%_pb2.py)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- run and test -----------------------------------------------------------------------------------------------------

.PHONY: run
run: venv proto patterns ## start the whole gateway on this machine (Ctrl-C stops it)
	$(BIN)/gateway-ext up $(UP)

.PHONY: test
test: check patterns nodedeps serverdeps tooldeps clientdeps ## check the code, then run all tests against a real Envoy
ifeq ($(strip $(TESTS)),)
	nice -n 10 $(BIN)/python -m pytest -q --timeout 600 $(BESIDE) > $(VENV)/tests-beside.log 2>&1 & beside=$$!; \
	  trap "kill $$beside" INT TERM; \
	  $(BIN)/python -m pytest tests/unit tests/playbooks && \
	  $(BIN)/python -m pytest tests/envoy tests/faults $(BESIDE:%=--ignore=%); status=$$?; \
	  wait $$beside; beside=$$?; cat $(VENV)/tests-beside.log; \
	  test $$status = 0 && test $$beside = 0
else
	$(BIN)/python -m pytest $(TESTS)
endif

# Beside all others, which wait more than they compute: what computes for minutes, and what starts little and waits for nobody.
BESIDE := tests/properties tests/simulator tests/envoy/config tests/faults/test_ledger_killed.py tests/faults/test_last_cent.py

.PHONY: check
check: venv proto ## lint, formatting, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: venv proto patterns ## measure what the gateway costs, beside Envoy alone and other gateways
	$(BIN)/python -m benchmarks.contest $(BENCH)
ifeq ($(strip $(BENCH)),)
	$(BIN)/python -m benchmarks.audit.append
	$(BIN)/python -m benchmarks.growth
endif

.PHONY: soak
soak: venv proto patterns ## run mixed traffic for ten minutes: does memory stay flat?
	$(BIN)/python -m benchmarks.soak $(SOAK)

.PHONY: accuracy
accuracy: venv proto ## measure how accurate the Guard is and refresh docs/guard-accuracy.md
	$(BIN)/gateway-ext guard bench --write $(ACCURACY)

.PHONY: docs
docs: venv proto ## check that the documentation names every setting, command, error and event
	$(BIN)/python -m pytest -q tests/unit/test_docs.py

# --- dependencies -----------------------------------------------------------------------------------------------------

.PHONY: venv
venv: $(VENV)/.installed ## make the virtual environment, exactly as locked

$(VENV)/.installed: requirements-dev.lock pyproject.toml proto/compile.py proto/build_backend.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed. Debian: apt-get install python3. Elsewhere: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: proto
proto: $(GENERATED) ## compile the wire formats again when they changed

$(GENERATED) &: $(PROTOS) proto/compile.py | $(VENV)/.installed
	$(BIN)/python proto/compile.py

# Whatever is not compiled here each first start compiles for itself, in seconds; byte code each start of each process
# where PYTHONDONTWRITEBYTECODE is set, as it often is in containers.
.PHONY: patterns
patterns: gateway_ext/guard/compiled/.complete ## compile the Guard's patterns and the byte code that changed
	@$(BIN)/python -m compileall -q gateway_ext

gateway_ext/guard/compiled/.complete: $(VENV)/.installed $(shell find gateway_ext/guard -name '*.py') | $(GENERATED)
	$(BIN)/gateway-ext guard compile
	@touch $@

# The OpenAI Node SDK is one of the clients that the tests use, and an OpenID provider in Node.js one of the servers. Debian's
# packages are installed where that is possible.
.PHONY: nodedeps
nodedeps: tests/node/node_modules/.package-lock.json

tests/node/node_modules/.package-lock.json: tests/node/package-lock.json
	@command -v npm >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq nodejs npm >/dev/null; } || \
	  { echo "npm is missing, and the tests run OpenAI's Node SDK and an OpenID provider. Debian: apt-get install nodejs npm" >&2; exit 1; }
	npm ci --prefix tests/node --no-audit --no-fund --loglevel=error
	@touch $@

# The databases that the tests start on their own.
.PHONY: serverdeps
serverdeps:
	@{ ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; } || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; } || \
	  { echo "PostgreSQL is missing, which the tests start. Debian: apt-get install postgresql" >&2; exit 1; }
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq redis-server >/dev/null; } || \
	  { echo "Redis is missing, which the tests start. Debian: apt-get install redis-server" >&2; exit 1; }

# What the programs of docs/credentials.md run.
.PHONY: tooldeps
tooldeps:
	@{ command -v jq && command -v openssl; } >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq jq openssl >/dev/null; } || \
	  { echo "jq or openssl is missing, which tests run. Debian: apt-get install jq openssl" >&2; exit 1; }

# Client libraries that are too heavy for the environment of everything else.
.PHONY: clientdeps
clientdeps: $(VENV)-clients/.installed

$(VENV)-clients/.installed: tests/clients/requirements.lock
	$(PYTHON) -m venv --clear $(VENV)-clients
	$(VENV)-clients/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes --requirement $<
	@touch $@

# uv writes each lock for all platforms, with hashes and without index addresses. It lives in an environment of its own.
.PHONY: lock
lock: ## resolve the dependencies anew and write the lock files
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip --disable-pip-version-check --quiet install uv
	build/uv/bin/uv pip compile pyproject.toml --output-file requirements.lock $(LOCK_OPTIONS)
	build/uv/bin/uv pip compile pyproject.toml --extra dev --output-file requirements-dev.lock $(LOCK_OPTIONS)
	build/uv/bin/uv pip compile tests/clients/requirements.in --output-file tests/clients/requirements.lock $(LOCK_OPTIONS)
	for peer in litellm mlflow presidio; do \
	  build/uv/bin/uv pip compile benchmarks/peers/$$peer.in --output-file benchmarks/peers/$$peer.lock $(LOCK_OPTIONS) || exit; \
	done

LOCK_OPTIONS := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

# --- tidy up ----------------------------------------------------------------------------------------------------------

.PHONY: clean
clean: ## remove what was built, environments included; the state directory .gateway stays
	rm -rf $(VENV) $(VENV)-clients build dist tests/node/node_modules
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	rm -f $(GENERATED) $(GENERATED:.py=.pyi)
	find gateway_ext tests benchmarks proto -name __pycache__ -type d -prune -exec rm -rf {} +
